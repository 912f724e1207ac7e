package config_test

import (
	"strings"
	"testing"

	"github.com/spf13/pflag"

	"github.com/brandidp/idp/cmd/idp/config"
)

// The table is the reference, so each entry must say all that the reference
// and the flags need.
func TestOptions(t *testing.T) {
	t.Parallel()

	flags := pflag.NewFlagSet("idp", pflag.ContinueOnError)
	config.AddFlags(flags)

	var reference strings.Builder
	if err := config.WriteReference(&reference); err != nil {
		t.Fatal(err)
	}

	for _, o := range config.Options {
		if !strings.HasSuffix(o.Help, ".") || o.Kind == "" || o.Default == "" && o.DefaultNote == "" {
			t.Errorf("%s lacks a sentence, a kind or a default", o.Key)
		}

		if flags.Lookup(o.Flag()) == nil {
			t.Errorf("%s has no flag", o.Key)
		}

		for _, want := range []string{"\n## " + o.Key + "\n", "`" + o.Variable() + "`", "`--" + o.Flag() + "`"} {
			if !strings.Contains(reference.String(), want) {
				t.Errorf("the reference lacks %q", want)
			}
		}

		if o.Secret && !strings.Contains(reference.String(), "`"+o.Variable()+"_FILE`") {
			t.Errorf("the reference lacks the file form of %s", o.Key)
		}
	}
}
