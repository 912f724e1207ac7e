package config

import (
	"log/slog"
	"net"
	"net/netip"
	"net/url"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"time"

	"github.com/brandidp/idp/op/keys"
)

// queuePerHash is how many sign-ins may wait for each hash that is computed at
// once. A hash takes some 40 ms, so the last in a full queue waits well under a
// second, and whoever comes after it hears so at once.
const queuePerHash = 16

const (
	longestGrace    = time.Minute
	leastLifetime   = 5 * time.Second
	longestLifetime = 3650 * day
)

// Options is every option there is, in the order of the reference. An option
// whose default is derived from others stands below them.
var Options = []Option{
	{
		Key: "listen", Kind: Text, Default: "127.0.0.1:8080",
		Help: "Address and port of the public listener. Without an address before the colon it listens on all.",
		set:  into(func(c *Config) *string { return &c.Listen }, hostPort),
	},
	{
		Key: "internal.listen", Kind: Text,
		DefaultNote: "none: no metrics are served",
		Help: "Address and port of the internal listener, which serves /metrics in Prometheus' format, without TLS and to whoever reaches it: " +
			"keep it off the public network.",
		set: into(func(c *Config) *string { return &c.Internal.Listen }, hostPort),
	},
	{
		Key: "tls.certificate_file", Kind: Text,
		DefaultNote: "none: a proxy in front does TLS",
		Help: "Certificate of the public listener with its chain, in PEM: the listener then speaks TLS alone. " +
			"It is read again when it changes.",
		set: into(func(c *Config) *string { return &c.TLS.CertificateFile }, filepath.Abs),
	},
	{
		Key: "tls.key_file", Kind: Text,
		DefaultNote: "none",
		Help:        "Private key of that certificate, in PEM.",
		set:         into(func(c *Config) *string { return &c.TLS.KeyFile }, filepath.Abs),
	},
	{
		Key: "issuer", Kind: Text, derive: localIssuer,
		DefaultNote: "http://localhost: and the port of listen, https with tls.certificate_file",
		Help: "Address under which browsers and relying parties reach the provider: https, without a trailing slash, query or fragment. " +
			"It stands in every token; changing it later breaks every relying party.",
		set: into(func(c *Config) *string { return &c.Issuer }, issuer),
	},
	{
		Key: "warning_allow_http_issuer", Kind: Switch, Default: "false",
		Help: "Dangerous: allow an http issuer beyond this machine, where anybody on the way can read passwords and tokens.",
		set:  into(func(c *Config) *bool { return &c.WarningAllowHTTPIssuer }, truth),
	},
	{
		Key: "trusted_proxies", Kind: List,
		DefaultNote: "none",
		Help:        "Networks (CIDR) or addresses of the proxies in front, whose X-Forwarded-For is believed.",
		set:         into(func(c *Config) *[]netip.Prefix { return &c.TrustedProxies }, networks),
	},
	{
		Key: "outbound.allowed_networks", Kind: List,
		DefaultNote: "none: the public internet alone",
		Help: "Networks (CIDR) or addresses that the provider may call, although they are not public, at addresses that clients have registered, " +
			"such as backchannel_logout_uri.",
		set: into(func(c *Config) *[]netip.Prefix { return &c.Outbound.AllowedNetworks }, networks),
	},
	{
		Key: "handover.login_url", Kind: Text,
		DefaultNote: "none: people sign in here",
		Help: "Address of the brand's own login, where browsers are sent to sign in, with a login_challenge. " +
			"The brand's backend answers it by the management API. A client can have a login_url of its own.",
		set: into(func(c *Config) *string { return &c.HandOver.LoginURL }, ownAddress),
	},
	{
		Key: "handover.logout_url", Kind: Text,
		DefaultNote: "none",
		Help:        "Address of the brand's own sign-out, where browsers are sent after the sign-out here, with a logout_challenge. A client can have a logout_url of its own.",
		set:         into(func(c *Config) *string { return &c.HandOver.LogoutURL }, ownAddress),
	},
	{
		Key: "handover.webhook_url", Kind: Text,
		DefaultNote: "none",
		Help: "Address of the brand's backend that is told, signed as in Standard Webhooks, when a session ends that the brand's own login has begun. " +
			"The secret: idp webhook secret.",
		set: into(func(c *Config) *string { return &c.HandOver.WebhookURL }, ownAddress),
	},
	{
		Key: "conversational_cloud.connector_document_url", Kind: Text,
		DefaultNote: "none: somebody says what is pasted",
		Help: "Address of the account's public connector document, with {account_id} in it, such as " +
			"https://accdn.lpsnmedia.net/api/account/{account_id}/configuration/le-connectors/all-connectors: idp connector rotate then asks it " +
			"whether a new key is pasted. LivePerson does not document it.",
		set: into(func(c *Config) *string { return &c.ConversationalCloud.ConnectorDocumentURL }, ownAddress),
	},
	{
		Key: "data_dir", Kind: Text, derive: dataDir,
		DefaultNote: "/var/lib/idp as root, else $XDG_DATA_HOME/idp or ~/.local/share/idp",
		Help:        "Folder of the built-in PostgreSQL and of the master key made at the first start. Back it up.",
		set:         into(func(c *Config) *string { return &c.DataDir }, filepath.Abs),
	},
	{
		Key: "database.url", Kind: Text, Secret: true,
		DefaultNote: "the built-in PostgreSQL in data_dir",
		Help:        "PostgreSQL to use, such as postgres://user@host:5432/database.",
		set:         into(func(c *Config) *Secret { return &c.Database.URL }, databaseURL),
	},
	{
		Key: "database.direct_url", Kind: Text, Secret: true,
		DefaultNote: "database.url",
		Help:        "The same database without a pooler in transaction mode between, for LISTEN and migrations.",
		set:         into(func(c *Config) *Secret { return &c.Database.DirectURL }, databaseURL),
	},
	{
		Key: "database.max_connections", Kind: Integer, Default: "20",
		Help: "Most connections that this process opens to the database.",
		set:  into(func(c *Config) *int { return &c.Database.MaxConnections }, between[int](2, 10000)),
	},
	{
		Key: "master_key", Kind: Text, Secret: true,
		DefaultNote: "the file master.key in data_dir, made at the first start",
		Help:        "Key that seals signing keys and other secrets in the database: 32 random bytes in base64, as openssl rand -base64 32 makes them.",
		set:         into(func(c *Config) *Secret { return &c.MasterKey }, masterKey),
	},
	{
		Key: "master_key_command", Kind: Text,
		DefaultNote: "none",
		Help: "Program that writes that key in base64 to its standard output, such as a vault's, with its arguments; quotes are a shell's, but none is started " +
			"(unless it is sh -c '…'). It has half a minute.",
		set: into(func(c *Config) *[]string { return &c.MasterKeyCommand }, command),
	},
	{
		Key: "signer", Kind: Text, Default: keys.SignerAuto, Values: keys.SignerNames,
		Help: "Who signs with the RSA keys that are sealed in the database: the OpenSSL 3 of this machine, Go's own code, or, by auto, OpenSSL where it works. " +
			"By pkcs11, all new keys are made in the token of pkcs11.module, and older ones sign as by auto.",
		set: into(func(c *Config) *string { return &c.Signer }, verbatim),
	},
	{
		Key: "pkcs11.module", Kind: Text,
		DefaultNote: "none: every key is sealed in the database",
		Help:        "Library of a PKCS #11 token, such as an HSM's. Keys that were made in the token sign there.",
		set:         into(func(c *Config) *string { return &c.PKCS11.Module }, filepath.Abs),
	},
	{
		Key: "pkcs11.token", Kind: Text,
		DefaultNote: "none",
		Help:        "Label of the token.",
		set:         into(func(c *Config) *string { return &c.PKCS11.Token }, shortText),
	},
	{
		Key: "pkcs11.pin", Kind: Text, Secret: true,
		DefaultNote: "none",
		Help:        "PIN of the token's normal user.",
		set:         into(func(c *Config) *Secret { return &c.PKCS11.PIN }, secretText),
	},
	{
		Key: "keys.jwks_max_age", Kind: Duration, Default: "5m",
		Help: "A key set may be kept for so long by whoever has read it (Cache-Control). A new signing key has to be published for longer before it signs.",
		set:  into(func(c *Config) *time.Duration { return &c.Keys.JWKSMaxAge }, lifetime(time.Second, day)),
	},
	{
		Key: "keys.retain", Kind: Duration, Default: "24h",
		Help: "A retired signing key stays published for so long after the last token that it has signed.",
		set:  into(func(c *Config) *time.Duration { return &c.Keys.Retain }, lifetime(0, longestLifetime)),
	},
	{
		Key: "session_idle_lifetime", Kind: Duration, Default: "24h",
		Help: "A browser's session ends when it was not used for so long.",
		set:  into(func(c *Config) *time.Duration { return &c.Session.IdleLifetime }, lifetime(leastLifetime, longestLifetime)),
	},
	{
		Key: "session_lifetime", Kind: Duration, Default: "30d",
		Help: "A browser's session ends so long after the sign-in, in use or not.",
		set:  into(func(c *Config) *time.Duration { return &c.Session.Lifetime }, lifetime(leastLifetime, longestLifetime)),
	},
	{
		Key: "refresh_grace", Kind: Duration, Default: "10s",
		Help: "A refresh token that was used is answered with the same successor for so long after its first use, for a client that lost the response. 0 for never.",
		set:  into(func(c *Config) *time.Duration { return &c.RefreshGrace }, lifetime(0, longestGrace)),
	},
	{
		Key: "brand.name", Kind: Text,
		DefaultNote: "the issuer's host",
		Help:        "Name of the brand on the pages that consumers see.",
		set:         into(func(c *Config) *string { return &c.Brand.Name }, shortText),
	},
	{
		Key: "brand.logo", Kind: Text,
		DefaultNote: "none",
		Help:        "Path of the logo on those pages, an SVG, PNG, WebP or JPEG file.",
		set:         into(func(c *Config) *string { return &c.Brand.Logo }, imageFile),
	},
	{
		Key: "brand.website", Kind: Text,
		DefaultNote: "none",
		Help:        "Address of the brand's own site. The page that says that somebody is signed out leads back to it.",
		set:         into(func(c *Config) *string { return &c.Brand.Website }, website),
	},
	{
		Key: "brand.primary_color", Kind: Text, Default: "#1f4fd8",
		Help: "Colour of buttons and links, #rrggbb (in quotes in the file, where # begins a comment).",
		set:  into(func(c *Config) *string { return &c.Brand.PrimaryColor }, color),
	},
	{
		Key: "brand.background_color", Kind: Text, Default: "#f5f6f8",
		Help: "Colour behind the form, #rrggbb.",
		set:  into(func(c *Config) *string { return &c.Brand.BackgroundColor }, color),
	},
	{
		Key: "password_hashing.concurrency", Kind: Integer, derive: processors,
		DefaultNote: "the number of processors",
		Help:        "Passwords hashed at once. Each takes one processor and the memory below.",
		set:         into(func(c *Config) *int { return &c.PasswordHashing.Concurrency }, between[int](1, 1024)),
	},
	{
		Key: "password_hashing.queue", Kind: Integer, derive: hashingQueue,
		DefaultNote: "16 times password_hashing.concurrency",
		Help:        "Sign-ins that may wait to be hashed; one more is answered with 503 and Retry-After.",
		set:         into(func(c *Config) *int { return &c.PasswordHashing.Queue }, between[int](0, 100000)),
	},
	{
		Key: "password_hashing.memory_kib", Kind: Integer, Default: "19456",
		Help: "Memory of one Argon2id hash in KiB. Existing hashes keep theirs until the next sign-in.",
		set:  into(func(c *Config) *uint32 { return &c.PasswordHashing.MemoryKiB }, between[uint32](7168, 262144)),
	},
	{
		Key: "password_hashing.iterations", Kind: Integer, Default: "2",
		Help: "Passes of Argon2id over that memory; times password_hashing.memory_kib, at most 524288.",
		set:  into(func(c *Config) *uint32 { return &c.PasswordHashing.Iterations }, between[uint32](1, 10)),
	},
	{
		Key: "log.level", Kind: Text, Default: "info", Values: []string{"debug", "info", "warn", "error"},
		Help: "Least level of what is logged.",
		set:  into(func(c *Config) *slog.Level { return &c.Log.Level }, level),
	},
	{
		Key: "log.format", Kind: Text, Default: "text", Values: []string{"text", "json"},
		Help: "Form of the log lines on standard error.",
		set:  into(func(c *Config) *string { return &c.Log.Format }, verbatim),
	},
}

// localIssuer makes `idp serve` work on one machine without any configuration.
func localIssuer(c *Config, _ Inputs) string {
	_, port, err := net.SplitHostPort(c.Listen)
	if err != nil {
		return "" // listen is at fault, and said so
	}

	local := url.URL{Scheme: "http", Host: "localhost:" + port}
	if c.TLS.CertificateFile != "" {
		local.Scheme = "https"
	}

	return strings.TrimSuffix(local.String(), ":443") // https's own
}

func dataDir(_ *Config, in Inputs) string {
	if in.UserID == 0 {
		return "/var/lib/idp"
	}

	if home := in.variable("XDG_DATA_HOME"); filepath.IsAbs(home) {
		return filepath.Join(home, "idp")
	}

	if home := in.variable("HOME"); filepath.IsAbs(home) {
		return filepath.Join(home, ".local", "share", "idp")
	}

	return ""
}

func processors(*Config, Inputs) string {
	return strconv.Itoa(runtime.GOMAXPROCS(0))
}

func hashingQueue(c *Config, _ Inputs) string {
	return strconv.Itoa(queuePerHash * c.PasswordHashing.Concurrency)
}
