package brandfile

import (
	"regexp"
	"strings"

	"github.com/brandidp/idp/op/identifier"
	"github.com/brandidp/idp/op/liveperson"
	"github.com/brandidp/idp/op/password"
	"github.com/brandidp/idp/storage"
)

// consumerEntry is one of consumers in the file.
type consumerEntry struct {
	Sub          string                   `json:"sub"`
	ExternalID   string                   `json:"external_id"`
	Disabled     bool                     `json:"disabled"`
	Username     string                   `json:"username"`
	Password     string                   `json:"password"`
	PasswordHash string                   `json:"password_hash"`
	Claims       claimsEntry              `json:"claims"`
	PersonalInfo *liveperson.PersonalInfo `json:"personal_info"`
	CustomerInfo *liveperson.CustomerInfo `json:"customer_info"`
	Attributes   storage.Attributes       `json:"attributes"`
}

// consumer is a checked consumer. PasswordHash is what the file says, or "".
type consumer struct {
	storage.Consumer
	password    string
	identifiers []storage.Identifier
	// places has the path of the field that each identifier comes from.
	places map[string]string
	path   string
	line   int
}

var subPattern = regexp.MustCompile(`^[\x20-\x7e]{1,255}$`)

func (d *decoder) consumer(entry consumerEntry, path string) *consumer {
	c := &consumer{path: path, line: d.line(path), password: entry.Password, places: map[string]string{}, Consumer: storage.Consumer{
		Sub:          entry.Sub,
		ExternalID:   entry.ExternalID,
		Disabled:     entry.Disabled,
		PasswordHash: entry.PasswordHash,
		Claims:       storage.Claims(entry.Claims),
		PersonalInfo: entry.PersonalInfo,
		CustomerInfo: entry.CustomerInfo,
		Attributes:   entry.Attributes,
		ManagedBy:    "apply",
	}}
	for _, id := range [...]struct{ name, value string }{{"sub", entry.Sub}, {"external_id", entry.ExternalID}} {
		if id.value != "" && !subPattern.MatchString(id.value) {
			d.at(join(path, id.name), "must be 1 to 255 printable ASCII characters")
		}
	}
	d.password(entry, path)
	d.claims(&c.Claims, join(path, "claims"))
	d.identify(c, entry.Username)
	if c.PersonalInfo != nil {
		d.all(join(path, "personal_info"), c.PersonalInfo.Validate())
	}
	if c.CustomerInfo != nil {
		d.all(join(path, "customer_info"), c.CustomerInfo.Validate())
	}
	d.attributes(c)
	return c
}

func (d *decoder) password(entry consumerEntry, path string) {
	if entry.Password != "" && entry.PasswordHash != "" {
		d.at(join(path, "password"), "must not be given together with password_hash")
	}
	if entry.Password != "" {
		if err := password.CheckNew(entry.Password); err != nil {
			d.at(join(path, "password"), strings.TrimPrefix(err.Error(), "password: "))
		}
	}
	if entry.PasswordHash != "" {
		if err := password.Check(entry.PasswordHash); err != nil {
			d.at(join(path, "password_hash"), strings.TrimPrefix(err.Error(), password.ErrForm.Error()+": "))
		}
	}
}

// identify collects what the consumer signs in with: the user name, and address
// and number if they are verified.
func (d *decoder) identify(c *consumer, username string) {
	claims := &c.Claims
	email, emailErr := identifier.Email(claims.Email)
	phone, phoneErr := identifier.PhoneNumber(claims.PhoneNumber)
	if username != "" {
		d.username(c, username, email, phone)
	}
	if claims.Email != "" && isTrue(claims.EmailVerified) && emailErr == nil {
		c.add(email, identifier.KindEmail, join(c.path, "claims.email"))
	}
	if claims.PhoneNumber == "" || !isTrue(claims.PhoneNumberVerified) {
		return
	}
	if phoneErr != nil {
		d.at(join(c.path, "claims.phone_number"), phoneErr.Error())
		return
	}
	c.add(phone, identifier.KindPhoneNumber, join(c.path, "claims.phone_number"))
}

// username checks a user name. One that looks like an address or a number has to
// be the consumer's own: nobody may sign in under somebody else's.
func (d *decoder) username(c *consumer, username, email, phone string) {
	field := join(c.path, "username")
	normal, err := identifier.Username(username)
	if err != nil || normal == "" {
		d.at(field, identifier.ErrUsername.Error())
		return
	}
	switch typed := identifier.Typed(username); {
	case strings.Contains(normal, "@"):
		if typed == "" || typed != email {
			d.at(field, identifier.ErrUsernameAt.Error())
			return
		}
		normal = typed
	case strings.HasPrefix(normal, "+"):
		if typed == "" || typed != phone {
			d.at(field, identifier.ErrUsernameNum.Error())
			return
		}
		normal = typed
	}
	c.Username = normal
	c.add(normal, identifier.KindUsername, field)
}

func (c *consumer) add(value, kind, place string) {
	if _, given := c.places[value]; given {
		return
	}
	c.places[value] = place
	c.identifiers = append(c.identifiers, storage.Identifier{Value: value, Kind: kind})
}

func isTrue(b *bool) bool { return b != nil && *b }
