package config

import (
	"fmt"
	"io"
	"strings"
)

const referenceHead = `# Configuration

One YAML file, ` + "`IDP_…`" + ` variables and flags; a flag counts over a variable over the file over the default.
The file is the one that ` + "`--config` or `IDP_CONFIG`" + ` names, else ` + "`idp.yaml`" + ` in the working directory, else
` + "`/etc/idp/idp.yaml`" + `. The part of a key before a dot is a group in the file:

` + "```yaml" + `
issuer: https://login.brand.example
database:
  url_file: /run/secrets/database-url
` + "```" + `

Secrets can also be given as the path of a file that holds them: the key, variable or flag with
` + "`_file`, `_FILE` or `-file`" + ` at its end. Durations are such as ` + "`90s`, `12h` or `30d`" + `, or a number of seconds; lists
are lists in the file and separated by commas elsewhere. ` + "`idp config`" + ` prints what is in force and where each value
came from.
`

// WriteReference writes the reference of all options in Markdown.
//
//nolint:wrapcheck // the writer's own error says all there is
func WriteReference(w io.Writer) error {
	if _, err := io.WriteString(w, referenceHead); err != nil {
		return err
	}

	for _, o := range Options {
		if _, err := fmt.Fprintf(w, "\n## %s\n\n%s\n\n%s\n", o.Key, o.Help, strings.Join(o.facts(), "\n")); err != nil {
			return err
		}
	}

	return nil
}

// facts are the lines below the sentence of an option.
func (o Option) facts() []string {
	kind := string(o.Kind)
	if len(o.Values) > 0 {
		kind = "`" + strings.Join(o.Values, "`, `") + "`"
	}

	if o.Secret {
		kind += ", secret"
	}

	fallback := o.DefaultNote
	if fallback == "" {
		fallback = "`" + o.Default + "`"
	}

	facts := []string{
		"* Value: " + kind,
		"* Default: " + fallback,
		fmt.Sprintf("* Variable `%s`, flag `--%s`", o.Variable(), o.Flag()),
	}
	if o.Secret {
		file := o.Key + fileSuffix
		facts = append(facts, fmt.Sprintf("* From a file: key `%s`, variable `%s`, flag `--%s`", file, variable(file), flag(file)))
	}

	return facts
}
