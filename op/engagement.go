package op

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"time"

	"github.com/brandidp/idp/op/liveperson"
	"github.com/brandidp/idp/op/seal"
	"github.com/brandidp/idp/storage"
)

// Engagement is what a backend of the brand asks for: an ID token or a code of a
// connector, for a consumer whom it has signed in itself. Nobody signs in here, so
// tokens have no sid. They end by the consumer: disabling and signing out everywhere
// end codes and what came of them, as a new password does.
type Engagement struct {
	TokenSourceRequest
	// Consumer names whom it is for.
	Consumer storage.ConsumerKey
	Vouched  Vouched
	// Details gives what this token says of the consumer in the place of what is
	// stored; nil if it is that. An error of it is Engage's.
	Details func(stored *storage.Consumer) (*Details, error)
}

// Vouched is how a consumer has signed in at the brand, by the brand's word. There is
// no acr: whoever is vouched for has acr loa1, or what the connector says for it.
type Vouched struct {
	// AuthTime is when, nil for now. It may not lie in the future, nor longer ago than
	// a session here may last: no token outlives that.
	AuthTime *time.Time
	// AMR are the methods (RFC 8176), nil for what nobody knows.
	AMR []string
}

// Details are what a token says of a consumer in the place of all that is stored. They
// are to be checked as package brandfile checks consumers, and can say nothing that the
// protocol says.
type Details struct {
	Claims       storage.Claims           `json:"claims"`
	PersonalInfo *liveperson.PersonalInfo `json:"personal_info,omitempty"`
	CustomerInfo *liveperson.CustomerInfo `json:"customer_info,omitempty"`
	Attributes   storage.Attributes       `json:"attributes,omitempty"`
}

// ErrNoConsumer means that there is no such consumer.
var ErrNoConsumer = errors.New("no such consumer")

// Engage gives an ID token or a code for a consumer and a connector, decided as the
// token source does. ErrNoClient, ErrNoConsumer and ErrConsumerDisabled say why there
// is none, *FieldError what is wrong with Vouched, and *Error the rest, such as
// consent_required. An ID token costs one
// read, a code a commit on top.
func (p *Provider) Engage(ctx context.Context, engagement Engagement) (*TokenSourceAnswer, error) {
	v, err := p.current()
	if err != nil {
		return nil, err
	}
	client := v.clients[engagement.ClientID]
	if client == nil || client.ConversationalCloud == nil {
		return nil, ErrNoClient
	}
	request, err := authRequestOf(client, &engagement.TokenSourceRequest)
	if err != nil {
		return nil, err
	}
	in, err := p.vouchedFor(ctx, engagement.Consumer, engagement.Vouched)
	if err != nil {
		return nil, err
	}
	var details *Details
	if engagement.Details != nil {
		if details, err = engagement.Details(in.Consumer); err != nil {
			return nil, err
		}
	}
	answer, err := p.answerFor(ctx, v, client, request, in, details)
	if err != nil {
		return nil, ofBackend(err)
	}
	return answer, nil
}

// ofBackend is an error for somebody who is no browser, and has proved who they are.
func ofBackend(err error) error {
	known, isKnown := errors.AsType[*Error](err)
	switch {
	case errors.Is(err, storage.ErrClientGone):
		return ErrNoClient // in this very moment
	case !isKnown:
		return err
	case known.Code == errorsOfNone[stepSignIn].Code:
		return ErrConsumerDisabled // likewise
	case known.Status == http.StatusUnauthorized:
		return &Error{Code: known.Code, Description: known.Description, Status: http.StatusForbidden, Cause: known.Cause}
	}
	return err
}

// vouchedFor gives a consumer as signed in, by the word of the brand.
func (p *Provider) vouchedFor(ctx context.Context, key storage.ConsumerKey, vouched Vouched) (*storage.SignedIn, error) {
	session, err := p.vouchedSession(vouched)
	if err != nil {
		return nil, err
	}
	if value := cmp.Or(key.Sub, key.ExternalID); !subjectPattern.MatchString(value) {
		return nil, ErrNoConsumer // nor could the database read it
	}
	in, err := p.opts.Store.VouchedConsumer(ctx, key)
	switch {
	case errors.Is(err, storage.ErrNotFound):
		return nil, ErrNoConsumer
	case err != nil:
		return nil, err
	case in.Consumer.Disabled:
		return nil, ErrConsumerDisabled
	}
	session.ConsumerID = in.Consumer.ID
	in.Session = *session
	return in, nil
}

// subjectPattern is that of sub and external_id.
var subjectPattern = regexp.MustCompile(`^[\x20-\x7e]{1,255}$`)

// vouchedSession stands in the place of a session. Errors are of type *FieldError.
func (p *Provider) vouchedSession(vouched Vouched) (*storage.Session, error) {
	now := p.opts.Now()
	authTime := now
	if vouched.AuthTime != nil {
		authTime = *vouched.AuthTime
	}
	switch {
	case authTime.After(now) && !authTime.After(now.Add(authTimeSkew)): // a clock ahead of ours
		authTime = now
	case authTime.After(now):
		return nil, &FieldError{"auth_time", "must not be in the future"}
	case !authTime.Add(p.opts.SessionLifetime).After(now.Add(time.Second)): // to be used in
		return nil, &FieldError{"auth_time", "must not be longer ago than a session may last"}
	}
	if fault := checkAMR(vouched.AMR); fault != nil {
		return nil, fault
	}
	return &storage.Session{
		AuthTime: authTime, ACR: acrPassword, AMR: append([]string{}, vouched.AMR...), EndsAt: authTime.Add(p.opts.SessionLifetime),
	}, nil
}

// over gives the consumer with the details in the place of what is stored. Neither is
// changed.
func (d *Details) over(consumer *storage.Consumer) *storage.Consumer {
	if d == nil {
		return consumer
	}
	out := *consumer
	out.Claims, out.PersonalInfo, out.CustomerInfo, out.Attributes = d.Claims, d.PersonalInfo, d.CustomerInfo, d.Attributes
	return &out
}

// codeDetails is the purpose of the details that travel with a code.
const codeDetails = "code details"

// sealDetails seals details under their code, of which the database has the hash
// alone.
func (p *Provider) sealDetails(code string, client *storage.Client, details *Details) ([]byte, error) {
	if details == nil {
		return nil, nil
	}
	text, err := json.Marshal(details)
	if err != nil {
		return nil, fmt.Errorf("keep details with a code: %w", err)
	}
	sealed, err := seal.WithSecret(p.opts.Rand, code, codeDetails, text, client.ClientID)
	if err != nil {
		return nil, fmt.Errorf("keep details with a code: %w", err)
	}
	return sealed, nil
}

// openDetails gives the details that came with a code, nil if none did.
func openDetails(code string, client *storage.Client, sealed []byte) (*Details, error) {
	if sealed == nil {
		return nil, nil //nolint:nilnil // there are none
	}
	text, err := seal.OpenWithSecret(code, codeDetails, sealed, client.ClientID)
	if err != nil {
		return nil, fmt.Errorf("open details of a code: %w", err)
	}
	var details Details
	if err := json.Unmarshal(text, &details); err != nil {
		return nil, fmt.Errorf("open details of a code: %w", err)
	}
	return &details, nil
}
