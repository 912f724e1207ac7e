// Package config owns what an operator can set: the table of options, the
// places their values come from, and the checks at the edge. It reads the
// file, the variables and the flags it is given and nothing else; it opens no
// connection, makes no file, and its messages never quote a secret.
package config

import (
	"log/slog"
	"net/netip"
	"path/filepath"
	"slices"
	"time"
)

// Config is the configuration in force. Every value has passed the check of
// its option; Load is the only way to one.
type Config struct {
	Issuer    string // URL without a trailing slash
	Listen    string // host:port of the public listener
	Internal  Internal
	TLS       TLS
	DataDir   string // absolute path
	Database  Database
	MasterKey Secret // 32 bytes, or none: the key is in MasterKeyFile
	// MasterKeyCommand is the program that gives the master key, with its arguments, or
	// none.
	MasterKeyCommand []string

	Signer          string // one of keys.SignerNames
	PKCS11          PKCS11
	Session         Session
	RefreshGrace    time.Duration // a used refresh token is answered again for so long
	Brand           Brand
	PasswordHashing PasswordHashing
	TrustedProxies  []netip.Prefix // whose X-Forwarded-For is believed
	Outbound        Outbound
	HandOver        HandOver
	// ConversationalCloud says what may be asked of Conversational Cloud.
	ConversationalCloud ConversationalCloud
	Keys                Keys
	Log                 Log

	// WarningAllowHTTPIssuer lets the issuer be http beyond this machine.
	WarningAllowHTTPIssuer bool

	// Warnings are sentences for the log: what is in force, and dangerous or
	// probably not meant.
	Warnings []string
	// File is the path of the file that was read, empty if there was none.
	File string

	settings []Setting
}

// Internal is the listener for whoever watches the provider.
type Internal struct {
	Listen string // host:port, or empty: there is none
}

// TLS has the files of the public listener's certificate: both, or none.
type TLS struct {
	CertificateFile string // absolute path, or empty: the listener speaks plain HTTP
	KeyFile         string // absolute path, or empty
}

// Database says which PostgreSQL to use. No URL means the built-in one.
type Database struct {
	URL            Secret
	DirectURL      Secret // for LISTEN and migrations; URL if it was not given
	MaxConnections int
}

// PKCS11 says in which token signing keys may lie: all of it, or nothing.
type PKCS11 struct {
	Module string // absolute path, or empty
	Token  string // label
	PIN    Secret
}

// Session has the life of a browser session.
type Session struct {
	IdleLifetime time.Duration // ends after this without use
	Lifetime     time.Duration // ends after this in any case
}

// Brand is what the pages look like.
type Brand struct {
	Name            string // empty: the pages show the issuer's host
	Logo            string // path of a file, or empty
	Website         string // address, or empty
	PrimaryColor    string // #rrggbb
	BackgroundColor string // #rrggbb
}

// PasswordHashing bounds what hashing may cost this machine.
type PasswordHashing struct {
	Concurrency int // hashes computed at once
	Queue       int // sign-ins that may wait beyond that
	MemoryKiB   uint32
	Iterations  uint32
}

// Outbound bounds what the provider calls by itself.
type Outbound struct {
	AllowedNetworks []netip.Prefix // that may be called though they are not public
}

// HandOver says where the brand signs people in and out itself, and hears of it: an
// address each, or empty.
type HandOver struct {
	LoginURL   string
	LogoutURL  string
	WebhookURL string
}

// ConversationalCloud says what may be asked of Conversational Cloud.
type ConversationalCloud struct {
	ConnectorDocumentURL string // with {account_id} in it; empty for none
}

// Keys has the times of signing keys.
type Keys struct {
	JWKSMaxAge time.Duration // how long a key set may be kept by whoever has read it
	Retain     time.Duration // how long a retired key stays after its last token
}

// Log says what is logged and how.
type Log struct {
	Level  slog.Level
	Format string // text or json
}

// MasterKeyFile is the path of the master key that the first start makes when
// no key is given.
func (c *Config) MasterKeyFile() string {
	return filepath.Join(c.DataDir, "master.key")
}

// Settings lists every option with its value in force, secrets masked, in the
// order of Options.
func (c *Config) Settings() []Setting {
	return c.settings
}

// Setting is that of one option.
func (c *Config) Setting(key string) Setting {
	at := slices.IndexFunc(c.settings, func(s Setting) bool { return s.Key == key })

	return c.settings[at]
}

// Setting is one option in force, fit to be shown.
type Setting struct {
	Key    string `json:"key"`
	Value  string `json:"value"`          // as it was given; a secret is masked
	Note   string `json:"note,omitempty"` // what counts where there is no value
	Source string `json:"source"`         // "default", file:line, a variable or a flag
	File   string `json:"file,omitempty"` // absolute path of the file that a secret was read from
}

const mask = "********"

// Secret is a value that no log, message or page may show. It prints as a
// mask; string(s) has the value.
type Secret string

// String masks the secret; an empty one stays empty.
func (s Secret) String() string {
	if s == "" {
		return ""
	}

	return mask
}

// GoString masks the secret in %#v.
func (s Secret) GoString() string { return s.String() }

// LogValue masks the secret in log lines.
func (s Secret) LogValue() slog.Value { return slog.StringValue(s.String()) }

// MarshalText masks the secret in JSON and other encodings.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }
