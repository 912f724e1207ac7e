package op

import (
	"cmp"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/brandidp/idp/op/customclaims"
	"github.com/brandidp/idp/op/keys"
	"github.com/brandidp/idp/op/liveperson"
	"github.com/brandidp/idp/op/liveperson/inspect"
	"github.com/brandidp/idp/storage"
)

// PreviewRequest is the ID token that is asked for.
type PreviewRequest struct {
	// Issuer is the issuer identifier.
	Issuer   string
	Client   *storage.Client
	Consumer *storage.Consumer
	// ResponseType is one that the client has registered; "" is its first.
	ResponseType string
	// Keys are all signing keys. No private half is needed.
	Keys []*storage.SigningKey
	// SessionLifetime is the absolute lifetime of the sessions of browsers.
	SessionLifetime time.Duration
	Now             time.Time
}

// Preview is an ID token that is not signed.
type Preview struct {
	// Payload is what the token says, byte for byte but for sid, at_hash and c_hash, which
	// are made at random for each sign-in and have zeros here. A nonce that the
	// client sends comes on top.
	Payload json.RawMessage `json:"payload"`
	// Size is how many bytes the compact token has, encryption included.
	Size int `json:"size"`
	// Encrypted tells that the token is a JWE with the signed token in it.
	Encrypted bool `json:"encrypted"`
	// InAddress tells that the token travels in an address: in a fragment or, of a
	// legacy connector, in a query.
	InAddress bool `json:"in_address"`
	// Checks are those that the token does not pass: of a connector's all that
	// Conversational Cloud would see, of another's the length of an address.
	Checks []inspect.Check `json:"checks,omitempty"`
	// Note says what cannot be seen here.
	Note string `json:"note,omitempty"`
}

// The reasons not to give a preview.
var (
	ErrResponseType     = errors.New("the client has not registered this response type")
	ErrConsumerDisabled = errors.New("the consumer is disabled, so that nobody is given a token about them")
)

// PreviewIDToken gives the ID token that a client would get about a consumer who
// has signed in at this moment, made as the endpoints make it. Nothing is signed,
// so that a preview can never be used as a token.
func PreviewIDToken(r PreviewRequest) (*Preview, error) {
	responseType := r.ResponseType
	if responseType == "" && len(r.Client.ResponseTypes) > 0 {
		responseType = r.Client.ResponseTypes[0]
	}
	responseType = responseTypeOf(responseType)
	if responseType == responseTypeToken && r.Client.ConversationalCloud.Legacy() {
		responseType = responseTypeIDToken
	}
	switch {
	case !r.Client.Allows(responseType):
		return nil, fmt.Errorf("%w: it has %s", ErrResponseType, cmp.Or(strings.Join(r.Client.ResponseTypes, ", "), "none"))
	case r.Consumer.Disabled:
		return nil, ErrConsumerDisabled
	}
	const randomSize = 32 // bytes of a sid and of an access token
	zeros := base64.RawURLEncoding.EncodeToString(make([]byte, randomSize))
	request := idTokenRequest{
		scopes: words(r.Client.Scope),
		session: &storage.Session{
			Sid: zeros, AuthTime: r.Now, EndsAt: r.Now.Add(r.SessionLifetime), ACR: acrPassword, AMR: amrPassword,
		},
	}
	// The ID token of the authorization response, or else of the token endpoint.
	request.userinfoFollows = responseType != responseTypeIDToken
	if gives(responseType, wordToken) || !gives(responseType, wordIDToken) {
		request.accessToken = zeros
	}
	if gives(responseType, wordIDToken) && gives(responseType, wordCode) {
		request.code = zeros
	}
	claims, err := newIDTokenClaims(r.Issuer, r.Now, r.Client, customclaims.Compile(r.Client.CustomClaims), r.Consumer, request)
	if err != nil {
		return nil, err
	}
	claims.AtHash, claims.CHash = strings.Repeat("A", len(claims.AtHash)), strings.Repeat("A", len(claims.CHash))
	payload, err := claims.payload()
	if err != nil {
		return nil, fmt.Errorf("preview ID token: %w", err)
	}
	preview := &Preview{Payload: payload, InAddress: inAddress(r.Client, responseType)}
	if err := preview.measure(r); err != nil {
		return nil, err
	}
	preview.check(r)
	return preview, nil
}

// check has Conversational Cloud's rules looked at.
func (p *Preview) check(r PreviewRequest) {
	opts := inspect.Options{Now: r.Now, Issuer: r.Issuer, ClientID: r.Client.ClientID, NotInAddress: !p.InAddress}
	cloud := r.Client.ConversationalCloud
	if cloud != nil {
		opts.AccountID = cloud.AccountID
		if cloud.Backdating() > 0 {
			p.Note = "iat_backdating is not seen here: iat never lies before the sign-in, which is this moment."
		}
	}
	for _, check := range inspect.Payload(p.Payload, p.Size, opts).Checks {
		// What Conversational Cloud reads is nothing to others; the length of an
		// address is.
		if check.Outcome != inspect.Passed && (cloud != nil || check.Name == "size") {
			p.Checks = append(p.Checks, check)
		}
	}
}

// Preview gives the ID token that a client would get about a consumer now.
func (p *Provider) Preview(ctx context.Context, client *storage.Client, consumer *storage.Consumer, responseType string) (*Preview, error) {
	rows, err := p.opts.Store.SigningKeys(ctx)
	if err != nil {
		return nil, err
	}
	return PreviewIDToken(PreviewRequest{
		Issuer: p.opts.Issuer, Client: client, Consumer: consumer, ResponseType: responseType, Keys: rows,
		SessionLifetime: p.opts.SessionLifetime, Now: p.opts.Now(),
	})
}

// inAddress tells whether a response has the ID token in an address, unless the
// request says otherwise.
func inAddress(client *storage.Client, responseType string) bool {
	formPost := client.ConversationalCloud != nil && client.ConversationalCloud.ResponsePlacement == liveperson.PlacementFormPost
	return !formPost && slices.Contains(words(responseType), responseTypeIDToken)
}

// measure finds out the size of the token.
func (p *Preview) measure(r PreviewRequest) error {
	owner := signingOwner(r.Client)
	key, err := keys.ActiveOf(r.Keys, owner, r.Client.IDTokenSignedResponseAlg)
	if err != nil {
		return fmt.Errorf("preview ID token: %w", err)
	}
	if p.Size, err = keys.CompactSize(key, len(p.Payload)); err != nil {
		return fmt.Errorf("preview ID token: %w", err)
	}
	encrypters, err := newEncrypters([]*storage.Client{r.Client})
	if err != nil {
		return fmt.Errorf("preview ID token: %w", err)
	}
	if encrypter := encrypters[r.Client.ID]; encrypter != nil {
		// The length of a JWE depends on the length of what is in it alone.
		sealed, err := encrypter.Encrypt(strings.Repeat("x", p.Size))
		if err != nil {
			return fmt.Errorf("preview ID token: %w", err)
		}
		p.Size, p.Encrypted = len(sealed), true
	}
	return nil
}
