package main

// groupAnnotation marks commands that do nothing but hold others.
const groupAnnotation = "group"

// usageTemplate is cobra's, but that the flags of the configuration, which
// every command takes, are listed with the root alone.
const usageTemplate = `Usage:{{if not (index .Annotations "group")}}
  {{.UseLine}}{{end}}{{if .HasAvailableSubCommands}}
  {{.CommandPath}} [command]{{end}}{{if .HasExample}}

Examples:
{{.Example}}{{end}}{{if .HasAvailableSubCommands}}

Commands:{{range .Commands}}{{if (or .IsAvailableCommand (eq .Name "help"))}}
  {{rpad .Name .NamePadding}} {{.Short}}{{end}}{{end}}{{end}}{{if .HasAvailableLocalFlags}}

Flags:
{{.LocalFlags.FlagUsagesWrapped 110 | trimTrailingWhitespaces}}{{end}}{{if .HasAvailableSubCommands}}

Use "{{.CommandPath}} [command] --help" for more about a command.{{end}}{{if .HasAvailableInheritedFlags}}

The flags of the configuration work here too; "{{.Root.Name}} --help" lists them.{{end}}
`
