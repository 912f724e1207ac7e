package config

import (
	"errors"
	"fmt"
	"net/url"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/pflag"

	"github.com/brandidp/idp/op/keys"
	"github.com/brandidp/idp/op/loopback"
	"github.com/brandidp/idp/op/password"
)

// DefaultFiles are the places of the configuration file when none is named.
// The first that exists is read.
func DefaultFiles() []string {
	return []string{"idp.yaml", "/etc/idp/idp.yaml"}
}

// Inputs are the places that Load reads.
type Inputs struct {
	Flags   *pflag.FlagSet // parsed, with what AddFlags defines; nil for none
	Environ []string       // NAME=value, as os.Environ gives them; an empty value counts as none
	Files   []string       // where the file is looked for when none is named
	UserID  int            // who runs the program; decides the default of data_dir
}

// given is a value as it was found.
type given struct {
	text   string
	source string
	file   string // that a secret was read from, else empty
}

// layer is what one place gives, by key. The file forms of secrets have keys of
// their own.
type layer map[string]given

// longestSecret bounds what is read from the file of a secret.
const longestSecret = 64 << 10

// Load finds, checks and puts together the configuration: a flag over a
// variable over the file over the default. The error is Error, with all that
// is wrong.
func Load(in Inputs) (*Config, error) {
	c := &Config{}
	env, warnings := in.variables()
	c.Warnings = warnings

	file, fileFaults := in.file(c)
	faults := Error(fileFaults)
	layers := []layer{in.flags(), env, file}
	found := map[string]given{}

	for _, option := range Options {
		value, err := find(layers, option)
		if err == nil && value.source == "" {
			value = given{text: option.Default, source: defaultSource}
			if option.derive != nil {
				value.text = option.derive(c, in)
			}
		}

		if err == nil {
			err = option.apply(c, value.text)
		}

		if err != nil {
			faults = append(faults, Fault{Source: value.source, Key: option.Key, Rule: err.Error()})
		}

		found[option.Key] = value
		c.settings = append(c.settings, option.setting(value))
	}

	faults = append(faults, c.checkTogether(found)...)
	if len(faults) > 0 {
		return nil, faults
	}

	if c.Database.DirectURL == "" {
		c.Database.DirectURL = c.Database.URL
	}

	return c, nil
}

const defaultSource = "default"

// find returns what the first layer gives that knows the option; nothing if
// none does.
func find(layers []layer, option Option) (given, error) {
	for _, l := range layers {
		value, direct := l[option.Key]
		file, inFile := l[option.Key+fileSuffix]

		switch {
		case direct && inFile && option.Secret:
			return value, fmt.Errorf("must be given once, and %s gives the file of it too", file.source)
		case direct && value.text == "" && option.Kind != List:
			return value, errors.New("must not be empty: leave it out for the default")
		case direct:
			return value, nil
		case inFile && option.Secret:
			text, err := readSecret(file.text)
			if err != nil {
				return given{source: file.source}, err
			}

			path, err := filepath.Abs(file.text)
			if err != nil {
				return given{source: file.source}, fmt.Errorf("must be in a file whose folder is known: %w", err)
			}

			return given{text: text, source: file.source, file: path}, nil
		}
	}

	return given{}, nil
}

// readSecret reads the file of a secret. White space around it is not part of
// it: editors and echo leave a line break.
func readSecret(path string) (string, error) {
	content, err := readFile(path, longestSecret)
	if err != nil {
		return "", err
	}

	text := strings.TrimSpace(string(content))
	if text == "" {
		return "", fmt.Errorf("must be in a file that is not empty: %s", path)
	}

	return text, nil
}

// apply checks a value and puts it into the configuration. No value leaves the
// option as it is.
func (o Option) apply(c *Config, text string) error {
	if text == "" {
		return nil
	}

	var err error
	if len(o.Values) > 0 && !slices.Contains(o.Values, text) {
		err = errors.New("must be one of " + strings.Join(o.Values, ", "))
	} else {
		err = o.set(c, text)
	}

	if err != nil && !o.Secret {
		return fmt.Errorf("%w, not %q", err, shorten(text))
	}

	return err
}

func (o Option) setting(value given) Setting {
	text := value.text
	if o.Secret {
		text = Secret(text).String()
	}

	setting := Setting{Key: o.Key, Value: text, Source: value.source, File: value.file}
	if text == "" {
		setting.Note = o.DefaultNote
	}

	return setting
}

func shorten(text string) string {
	const most = 80
	if len(text) > most {
		return strings.ToValidUTF8(text[:most], "") + "…"
	}

	return text
}

// together are options that are given together or not at all.
var together = [][]string{{"tls.certificate_file", "tls.key_file"}, {"pkcs11.module", "pkcs11.token", "pkcs11.pin"}}

func checkGroups(found map[string]given, complain func(key, rule string)) {
	for _, group := range together {
		missing := slices.IndexFunc(group, func(key string) bool { return found[key].text == "" })
		for _, key := range group {
			if missing >= 0 && found[key].text != "" {
				complain(key, "must come with "+group[missing])
			}
		}
	}
}

// checkKeys checks where keys are.
func (c *Config) checkKeys(found map[string]given, complain func(key, rule string)) {
	if found["master_key"].text != "" && found["master_key_command"].text != "" {
		complain("master_key_command", "must be given alone, and "+found["master_key"].source+" gives master_key")
	}

	if c.Signer == keys.SignerPKCS11 && found["pkcs11.module"].text == "" {
		complain("signer", "must come with pkcs11.module")
	}
}

// checkTogether checks what concerns several options. An option that is at
// fault by itself is still zero and is left alone.
func (c *Config) checkTogether(found map[string]given) []Fault {
	var faults []Fault

	complain := func(key, rule string) {
		faults = append(faults, Fault{Source: found[key].source, Key: key, Rule: rule})
	}

	checkGroups(found, complain)

	c.checkKeys(found, complain)

	if c.TLS.CertificateFile != "" && strings.HasPrefix(c.Issuer, "http:") {
		complain("issuer", "must be https, since the listener speaks TLS (tls.certificate_file)")
	} else if u, err := url.Parse(c.Issuer); err == nil && u.Scheme == "http" && !loopback.Host(u.Hostname()) {
		if c.WarningAllowHTTPIssuer {
			c.Warnings = append(c.Warnings, "warning_allow_http_issuer is on: passwords and tokens can be read by anybody on the way")
		} else {
			complain("issuer", "must be https: http is for localhost, *.localhost, 127.0.0.0/8 and [::1] alone (or set warning_allow_http_issuer)")
		}
	}

	for key, address := range map[string]string{
		"handover.login_url": c.HandOver.LoginURL, "handover.logout_url": c.HandOver.LogoutURL, "handover.webhook_url": c.HandOver.WebhookURL,
		"conversational_cloud.connector_document_url": c.ConversationalCloud.ConnectorDocumentURL,
	} {
		if strings.HasPrefix(address, "http:") && !loopback.URL(c.Issuer) {
			complain(key, "must be https; http on loopback is for an issuer on loopback")
		}
	}

	if c.Session.Lifetime > 0 && c.Session.IdleLifetime > c.Session.Lifetime {
		complain("session_idle_lifetime", "must not be longer than session_lifetime")
	}

	if c.PasswordHashing.MemoryKiB*c.PasswordHashing.Iterations > password.MaxWork {
		complain("password_hashing.iterations", fmt.Sprintf("times password_hashing.memory_kib must be at most %d", password.MaxWork))
	}

	if found["data_dir"].text == "" {
		complain("data_dir", "must be given, since neither XDG_DATA_HOME nor HOME is an absolute path")
	}

	if c.Database.DirectURL != "" && c.Database.URL == "" && found["database.url"].text == "" {
		complain("database.direct_url", "must come with database.url")
	}

	return faults
}
