package config

import (
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/kballard/go-shellquote"

	"github.com/brandidp/idp/op/loopback"
)

const (
	day           = 24 * time.Hour
	masterKeySize = 32
	longestText   = 100 // of letters, for what stands on a page
)

// into makes the setter of an option: parse checks the text and makes the
// value, field says where it goes. The errors of a parse function are rules
// ("must be …") and never quote the value.
func into[T any](field func(*Config) *T, parse func(string) (T, error)) func(*Config, string) error {
	return func(c *Config, text string) error {
		value, err := parse(text)
		if err != nil {
			return err
		}

		*field(c) = value

		return nil
	}
}

func verbatim(text string) (string, error) { return text, nil }

func shortText(text string) (string, error) {
	if !utf8.ValidString(text) || utf8.RuneCountInString(text) > longestText || strings.ContainsFunc(text, isControl) {
		return "", fmt.Errorf("must be one line of at most %d letters", longestText)
	}

	return text, nil
}

func secretText(text string) (Secret, error) {
	_, err := shortText(text)

	return Secret(text), err
}

func isControl(r rune) bool { return r < ' ' || r == 0x7f }

func truth(text string) (bool, error) {
	switch strings.ToLower(text) {
	case "true":
		return true, nil
	case "false":
		return false, nil
	default:
		return false, errors.New("must be true or false")
	}
}

func level(text string) (slog.Level, error) {
	var l slog.Level

	err := l.UnmarshalText([]byte(text))

	return l, err //nolint:wrapcheck // Load has checked the text against Values
}

func between[T int | uint32](least, most T) func(string) (T, error) {
	return func(text string) (T, error) {
		n, err := strconv.ParseInt(text, 10, 64)
		if err != nil || n < int64(least) || n > int64(most) {
			return 0, fmt.Errorf("must be a whole number from %d to %d", least, most)
		}

		return T(n), nil
	}
}

// lifetime reads a duration of Go with days before it (30d, 1d12h, 90s), or a
// number of seconds.
func lifetime(least, most time.Duration) func(string) (time.Duration, error) {
	return func(text string) (time.Duration, error) {
		d, err := ParseDuration(text)
		if err != nil || d < least || d > most {
			return 0, fmt.Errorf("must be a duration such as 90s, 12h or 30d, or a number of seconds, from %s to %s",
				span(least), span(most))
		}

		return d, nil
	}
}

// span writes a bound in days, or else in seconds.
func span(d time.Duration) string {
	if d >= day {
		return fmt.Sprintf("%.0fd", d.Hours()/day.Hours())
	}

	return fmt.Sprintf("%.0fs", d.Seconds())
}

// ParseDuration reads a duration such as 90s, 12h, 30d or 1d12h, or a number of seconds.
func ParseDuration(text string) (time.Duration, error) {
	const mostDays = 100_000 // far from the end of int64 nanoseconds

	if seconds, err := strconv.ParseUint(text, 10, 32); err == nil {
		return time.Duration(seconds) * time.Second, nil
	}

	days, rest, found := strings.Cut(text, "d")
	if !found {
		return time.ParseDuration(text) //nolint:wrapcheck // replaced by the rule
	}

	n, err := strconv.ParseUint(days, 10, 32)
	if err != nil || n > mostDays {
		return 0, errors.New("days must be a whole number")
	}

	d := time.Duration(n) * day
	if rest == "" {
		return d, nil
	}

	more, err := time.ParseDuration(rest)

	return d + more, err //nolint:wrapcheck // replaced by the rule
}

var issuerPath = regexp.MustCompile(`^(/[A-Za-z0-9_~-][A-Za-z0-9._~-]*)*$`)

// issuer checks the form of OpenID Connect Discovery 1.0, section 3, and
// narrows it to one spelling, since relying parties compare byte for byte.
// Whether http is allowed is for checkTogether to say.
func issuer(text string) (string, error) {
	u, err := url.Parse(text)

	switch {
	case err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "":
		return "", errors.New("must be an address such as https://login.brand.example")
	case strings.HasSuffix(text, "/"):
		return "", errors.New("must not end with a slash")
	case strings.ContainsAny(text, "?#"):
		return "", errors.New("must not have a query or a fragment")
	case u.User != nil:
		return "", errors.New("must not have a user name or password")
	case !issuerPath.MatchString(u.EscapedPath()):
		return "", errors.New("must have a path of plain letters, digits and . _ ~ - only")
	case !validHost(u) || text != u.Scheme+"://"+u.Host+u.Path:
		return "", errors.New("must have a host name in lower-case ASCII, and a port only where it is not the scheme's own")
	}

	return text, nil
}

// website checks an address that a page leads to.
func website(text string) (string, error) {
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" || u.User != nil || strings.ContainsFunc(text, notInAddress) {
		return "", errors.New("must be an address such as https://www.brand.example")
	}

	return text, nil
}

// ownAddress is an address of the brand's own systems. That http needs an issuer on
// loopback as well is checked together with that.
func ownAddress(text string) (string, error) {
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "https" && (u.Scheme != "http" || !loopback.Host(u.Hostname())) || u.Host == "" || u.User != nil ||
		strings.Contains(text, "#") || strings.ContainsFunc(text, notInAddress) {
		return "", errors.New("must be an https address such as https://www.brand.example/login, without a fragment")
	}

	return text, nil
}

// notInAddress tells what a browser would repair.
func notInAddress(r rune) bool { return r <= ' ' || r >= 0x7f }

var hostName = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*$`)

func validHost(u *url.URL) bool {
	host, port := u.Hostname(), u.Port()
	if strings.HasSuffix(u.Host, ":") || port != "" && !validPort(port) {
		return false
	}

	if u.Scheme == "https" && port == "443" || u.Scheme == "http" && port == "80" {
		return false
	}

	if ip, err := netip.ParseAddr(host); err == nil {
		return ip.String() == host
	}

	return hostName.MatchString(host)
}

func validPort(port string) bool {
	n, err := strconv.ParseUint(port, 10, 16)

	return err == nil && n > 0 && port[0] != '0'
}

func hostPort(text string) (string, error) {
	host, port, err := net.SplitHostPort(text)
	if err != nil || !validPort(port) || strings.ContainsAny(host, "/ @") {
		return "", errors.New("must be host:port, such as 127.0.0.1:8080 or [::1]:8080, with a port from 1 to 65535")
	}

	return text, nil
}

// networks reads CIDR networks and single addresses separated by commas.
func networks(text string) ([]netip.Prefix, error) {
	var prefixes []netip.Prefix

	for item := range strings.SplitSeq(text, ",") {
		item = strings.TrimSpace(item)
		if item == "" {
			continue
		}

		prefix, err := netip.ParsePrefix(item)
		if ip, errAddr := netip.ParseAddr(item); errAddr == nil && ip.Zone() == "" {
			prefix, err = netip.PrefixFrom(ip, ip.BitLen()), nil
		}

		if err != nil {
			return nil, errors.New("must list networks such as 10.0.0.0/8 or addresses such as 192.0.2.7")
		}

		if prefix.Bits() == 0 {
			return nil, errors.New("must name networks that are yours: a network of /0 is everybody's")
		}

		prefixes = append(prefixes, prefix.Masked())
	}

	return prefixes, nil
}

// databaseURL lets the driver judge. Its error is replaced, because it may
// quote the password.
func databaseURL(text string) (Secret, error) {
	_, err := pgconn.ParseConfig(text)
	if err == nil {
		return Secret(text), nil
	}

	if path := new(fs.PathError); errors.As(err, &path) {
		return "", fmt.Errorf("names the file %s, which cannot be read: %w", path.Path, path.Err)
	}

	return "", errors.New("must be a PostgreSQL connection string, such as postgres://user:password@host:5432/database " +
		"(with special characters of the password percent-encoded)")
}

// masterKey takes base64 in its usual and its URL-safe alphabet, padded or not.
func masterKey(text string) (Secret, error) {
	plain := strings.NewReplacer("-", "+", "_", "/").Replace(strings.TrimRight(text, "="))

	key, err := base64.RawStdEncoding.Strict().DecodeString(plain)
	if err != nil || len(key) != masterKeySize {
		return "", fmt.Errorf("must be %d bytes in base64, as openssl rand -base64 %[1]d makes them", masterKeySize)
	}

	return Secret(key), nil
}

func command(text string) ([]string, error) {
	words, err := shellquote.Split(text)
	if err != nil || len(words) == 0 {
		return nil, errors.New("must be a program with its arguments, each quote closed")
	}

	return words, nil
}

func imageFile(path string) (string, error) {
	if !slices.Contains([]string{".svg", ".png", ".webp", ".jpg", ".jpeg"}, strings.ToLower(filepath.Ext(path))) {
		return "", errors.New("must be the path of a .svg, .png, .webp, .jpg or .jpeg file")
	}

	info, err := os.Stat(path)
	if err != nil {
		return "", fmt.Errorf("must be a file that can be read: %w", reason(err))
	}

	if !info.Mode().IsRegular() {
		return "", errors.New("must be a file, not a folder or a device")
	}

	return path, nil
}

var rgb = regexp.MustCompile(`^#[0-9A-Fa-f]{6}$`)

func color(text string) (string, error) {
	if !rgb.MatchString(text) {
		return "", errors.New("must be a colour of the form #rrggbb")
	}

	return strings.ToLower(text), nil
}

// reason strips the operation and the path from an error of the file system.
func reason(err error) error {
	if path := new(fs.PathError); errors.As(err, &path) {
		return path.Err
	}

	return err
}
