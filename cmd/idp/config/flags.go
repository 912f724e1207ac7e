package config

import (
	"strings"

	"github.com/spf13/pflag"
)

const (
	fileFlag = "config" // names the file
	pathKind = Kind("path")
)

// AddFlags defines the flag --config and one for each option, two for a secret.
// Their values are checked by Load, so that all faults are told at once.
func AddFlags(flags *pflag.FlagSet) {
	flags.SortFlags = false
	flags.Var(&flagValue{kind: pathKind}, fileFlag, "configuration file (default idp.yaml here, or /etc/idp/idp.yaml)")

	for _, o := range Options {
		usage, _, _ := strings.Cut(o.Help, ". ")
		usage = strings.TrimSuffix(usage, ".")

		if o.DefaultNote != "" {
			usage += " (default " + o.DefaultNote + ")"
		}

		f := flags.VarPF(&flagValue{kind: o.Kind}, o.Flag(), "", usage)
		f.DefValue = o.Default

		if o.Kind == Switch {
			f.NoOptDefVal = "true"
		}

		if o.Secret {
			flags.Var(&flagValue{kind: pathKind}, flag(o.Key+fileSuffix), "file that holds "+o.Key)
		}
	}
}

// flagValue keeps the text of a flag. It implements pflag.Value.
type flagValue struct {
	kind Kind
	text string
}

// String returns the text.
func (v *flagValue) String() string { return v.text }

// Set takes the text; a list grows with each use of the flag.
func (v *flagValue) Set(text string) error {
	if v.kind == List && v.text != "" {
		text = v.text + "," + text
	}

	v.text = text

	return nil
}

// Type is the placeholder in the help.
func (v *flagValue) Type() string {
	if v.kind == Switch {
		return "bool" // pflag prints switches of this name without a placeholder
	}

	return string(v.kind)
}

// flags reads the options that are given as flags.
func (in Inputs) flags() layer {
	found := layer{}
	if in.Flags == nil {
		return found
	}

	for _, key := range allKeys() {
		if f := in.Flags.Lookup(flag(key)); f != nil && f.Changed {
			found[key] = given{text: f.Value.String(), source: "--" + f.Name}
		}
	}

	return found
}
