package api

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/brandidp/idp/op/liveperson"
	"github.com/brandidp/idp/storage"
)

// consumer is a consumer as the API tells of it: everything but the password.
type consumer struct {
	Sub          string                   `json:"sub"`
	ExternalID   string                   `json:"external_id,omitempty"`
	Username     string                   `json:"username,omitempty"`
	Disabled     bool                     `json:"disabled"`
	HasPassword  bool                     `json:"has_password"`
	Claims       storage.Claims           `json:"claims"`
	PersonalInfo *liveperson.PersonalInfo `json:"personal_info,omitempty"`
	CustomerInfo *liveperson.CustomerInfo `json:"customer_info,omitempty"`
	Attributes   storage.Attributes       `json:"attributes,omitempty"`
	ManagedBy    string                   `doc:"who made the consumer"      enum:"apply,import,api"   json:"managed_by"`
	CreatedAt    time.Time                `json:"created_at"`
	UpdatedAt    time.Time                `json:"updated_at"`
	Warnings     []Fault                  `doc:"what was sent and not done" json:"warnings,omitempty"`
}

// consumerToWrite is a consumer as it is sent. brandfile checks it; this is for the
// document alone.
type consumerToWrite struct {
	Sub          string                   `doc:"made if it is left out, kept for ever, never given to another"             json:"sub,omitempty"           maxLength:"255"`
	ExternalID   string                   `doc:"identifier of the consumer in the brand's own system"                      json:"external_id,omitempty"   maxLength:"255"`
	Username     string                   `doc:"what the consumer signs in with; so are a verified email and phone_number" json:"username,omitempty"`
	Disabled     bool                     `doc:"ends sessions and refuses the sign-in"                                     json:"disabled,omitempty"`
	Password     string                   `doc:"set when the consumer is made"                                             json:"password,omitempty"      writeOnly:"true"`
	PasswordHash string                   `doc:"of a form that an import takes, in place of the password"                  json:"password_hash,omitempty" writeOnly:"true"`
	Claims       storage.Claims           `json:"claims,omitzero"`
	PersonalInfo *liveperson.PersonalInfo `json:"personal_info,omitempty"`
	CustomerInfo *liveperson.CustomerInfo `json:"customer_info,omitempty"`
	Attributes   storage.Attributes       `json:"attributes,omitempty"`
}

func viewConsumer(c *storage.Consumer) consumer {
	return consumer{
		Sub: c.Sub, ExternalID: c.ExternalID, Username: c.Username, Disabled: c.Disabled, HasPassword: c.PasswordHash != "",
		Claims: c.Claims, PersonalInfo: c.PersonalInfo, CustomerInfo: c.CustomerInfo, Attributes: c.Attributes,
		ManagedBy: c.ManagedBy, CreatedAt: c.CreatedAt.UTC(), UpdatedAt: c.UpdatedAt.UTC(),
	}
}

// consumerAnswer is a response with a consumer.
type consumerAnswer struct {
	Status   int
	ETag     string `header:"ETag"`
	Location string `header:"Location"`
	Body     consumer
}

func (a *API) answerConsumer(c *storage.Consumer, status int) *consumerAnswer {
	answer := &consumerAnswer{Status: status, ETag: etag(c), Body: viewConsumer(c)}
	if status == http.StatusCreated {
		answer.Location = a.provider.Issuer() + "/api/v1/consumers/" + url.PathEscape(c.Sub)
	}
	return answer
}

// etag is the entity tag of a consumer and of its parts: it is another after each change.
func etag(c *storage.Consumer) string {
	changed := c.UpdatedAt
	if c.PasswordChangedAt.After(changed) {
		changed = c.PasswordChangedAt
	}
	return tagOf(changed)
}

// tagOf is the entity tag of what was last changed at a moment.
func tagOf(changed time.Time) string { return `"` + strconv.FormatInt(changed.UnixMicro(), 36) + `"` }

// Conditions are the headers by which a change is made dependent on what is there
// (RFC 9110 13.1).
type Conditions struct {
	IfMatch     string `doc:"the ETag that what is changed must still have"                     header:"If-Match"`
	IfNoneMatch string `doc:"* makes what the address names, and changes nothing that is there" header:"If-None-Match"`
}

// check tells whether a change may be made of a consumer, nil if there is none.
func (c Conditions) check(there *storage.Consumer) error {
	if there == nil {
		return c.against(kindConsumer, "")
	}
	return c.against(kindConsumer, etag(there))
}

// against tells whether a change may be made of what has a tag, "" if it is not there.
func (c Conditions) against(kind, tag string) error {
	if c.IfMatch != "" && (tag == "" || !matches(c.IfMatch, tag)) {
		return problem(http.StatusPreconditionFailed, "the "+kind+" is not as If-Match says: read it again")
	}
	if c.IfNoneMatch != "" && tag != "" && matches(c.IfNoneMatch, tag) {
		return problem(http.StatusPreconditionFailed, "there is such a "+kind+", which If-None-Match excludes")
	}
	return nil
}

// matches tells whether a list of entity tags has one in it. Weak ones match nothing.
func matches(list, tag string) bool {
	for one := range strings.SplitSeq(list, ",") {
		if one = strings.TrimSpace(one); one == "*" || one == tag {
			return true
		}
	}
	return false
}
