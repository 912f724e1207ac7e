package op

import (
	"bytes"
	stdjson "encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"github.com/go-jose/go-jose/v4/json"

	"github.com/brandidp/idp/storage"
)

// claimsRequest is what the claims parameter asks for (OpenID Connect Core 5.5):
// single claims beside those that the scopes stand for, each in its place. It is
// kept with codes and access tokens as JSON.
//
// The brand's clients are trusted with what their registered scope stands for,
// so a claim of a scope that the client has not registered is not given, and one
// of a scope that it has registered is, even if this request leaves it out. No
// claim is ever made up: one that the consumer lacks is absent, essential or not
// (5.5.1).
type claimsRequest struct {
	IDToken  claimSet `json:"id_token,omitempty"`
	UserInfo claimSet `json:"userinfo,omitempty"`
}

// claimSet are the claims of one place by their names; nil asks for one in the
// default manner.
type claimSet map[string]*claimRequest

// claimRequest is how one claim is asked for.
type claimRequest struct {
	Essential bool                 `json:"essential,omitempty"`
	Value     stdjson.RawMessage   `json:"value,omitempty"`
	Values    []stdjson.RawMessage `json:"values,omitempty"`
}

// parseClaims reads the claims parameter. What it does not know is ignored.
func parseClaims(text string) (*claimsRequest, *Error) {
	// This reader, unlike the standard library's, takes no name in another case
	// and no name twice.
	var c claimsRequest
	if err := json.Unmarshal([]byte(text), &c); err != nil || !strings.HasPrefix(strings.TrimLeft(text, " \t\r\n"), "{") {
		return nil, invalidRequest("claims must be a JSON object whose members id_token and userinfo are as in OpenID Connect Core 5.5")
	}
	return &c, nil
}

// wanted gives the values that a claim may have, nil for any.
func (r *claimRequest) wanted() []stdjson.RawMessage {
	switch {
	case r == nil || len(r.Values)+len(r.Value) == 0:
		return nil
	case len(r.Value) == 0:
		return r.Values
	default:
		return append(slices.Clone(r.Values), r.Value)
	}
}

// wantedTexts is wanted for a claim that is text; ok is false if one is not.
func (r *claimRequest) wantedTexts() (texts []string, ok bool) {
	for _, value := range r.wanted() {
		var text string
		if !bytes.HasPrefix(value, []byte{'"'}) || json.Unmarshal(value, &text) != nil {
			return nil, false
		}
		texts = append(texts, text)
	}
	return texts, true
}

// completeClaims takes the claims parameter over into the request. A demand for an acr
// that no password meets is refused, but with a login of the brand's own, which may.
func completeClaims(client *storage.Client, request *authRequest, text string, ownLogin bool) *Error {
	if text == "" {
		return nil
	}
	asked, fault := parseClaims(text)
	if fault != nil {
		return fault
	}
	for _, set := range []claimSet{asked.IDToken, asked.UserInfo} {
		subs, ok := set["sub"].wantedTexts()
		if !ok {
			return invalidRequest("claims: the value of sub must be text")
		}
		if subs != nil {
			request.subjects = append(request.subjects, subs)
		}
	}
	if request.acrs, fault = demandedACRs(asked.IDToken["acr"]); fault != nil {
		return fault
	}
	if !ownLogin && !request.meets(client, acrPassword) {
		return errUnmet
	}
	if request.ResponseType == responseTypeIDToken {
		asked.UserInfo = nil // there is no access token to ask it with
	}
	asked.limit(client)
	if len(asked.IDToken)+len(asked.UserInfo) > 0 {
		request.Claims = asked
	}
	return nil
}

// limit leaves what the client may ask for.
func (c *claimsRequest) limit(client *storage.Client) {
	scopes := words(client.Scope)
	for _, set := range []claimSet{c.IDToken, c.UserInfo} {
		maps.DeleteFunc(set, func(name string, _ *claimRequest) bool { return !slices.Contains(scopes, scopeOf(name)) })
	}
}

// errUnmet is for an acr that must be and that no sign-in has (OpenID Connect Core
// 5.5.1.1, OpenID Connect Core Error Code unmet_authentication_requirements).
var errUnmet = fault("unmet_authentication_requirements", "no sign-in here has an acr that the request demands")

// demandedACRs gives the values of which the acr must have one, nil for any.
func demandedACRs(acr *claimRequest) ([]string, *Error) {
	if acr == nil || !acr.Essential {
		return nil, nil
	}
	values, ok := acr.wantedTexts()
	if !ok {
		return nil, invalidRequest("claims: the values of acr must be texts")
	}
	return values, nil
}

// text is the form that is kept, "" if nothing is asked for. It is no longer
// than the parameter was.
func (c *claimsRequest) text() (string, error) {
	if c == nil {
		return "", nil
	}
	var b bytes.Buffer
	encoder := stdjson.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(c); err != nil {
		return "", fmt.Errorf("write claims request: %w", err)
	}
	return strings.TrimSuffix(b.String(), "\n"), nil
}

// storedClaims reads the form that is kept, as far as the client may still ask
// for it. Of the claims that the granted scope stands for, those are left that
// scope does, too: a refresh for less is for fewer claims.
func storedClaims(client *storage.Client, text, scope, granted string) (claimsRequest, error) {
	var c claimsRequest
	if text == "" || client == nil {
		return c, nil
	}
	if err := json.Unmarshal([]byte(text), &c); err != nil {
		return c, fmt.Errorf("read claims request: %w", err)
	}
	c.limit(client)
	wanted, all := words(scope), words(granted)
	for _, set := range []claimSet{c.IDToken, c.UserInfo} {
		maps.DeleteFunc(set, func(name string, _ *claimRequest) bool {
			return slices.Contains(all, scopeOf(name)) && !slices.Contains(wanted, scopeOf(name))
		})
	}
	return c, nil
}

// scopesBeside gives the scopes that the claims belong to, but for those that are
// asked for as such: so who agrees is told of them, too.
func (c *claimsRequest) scopesBeside(scopes []string) []string {
	if c == nil {
		return nil
	}
	var more []string
	for _, scope := range allScopes {
		belongs := func(name string) bool { return scopeOf(name) == scope }
		if !slices.Contains(scopes, scope) && (hasName(c.IDToken, belongs) || hasName(c.UserInfo, belongs)) {
			more = append(more, scope)
		}
	}
	return more
}

func hasName(set claimSet, belongs func(string) bool) bool {
	for name := range set {
		if belongs(name) {
			return true
		}
	}
	return false
}

// claimFields has the field of each standard claim in storage.Claims.
var claimFields = func() map[string]int {
	fields := map[string]int{}
	for i, field := range reflect.VisibleFields(reflect.TypeFor[storage.Claims]()) {
		name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
		fields[name] = i
	}
	return fields
}()

const claimUpdatedAt = "updated_at"

// scopeOf gives the scope that stands for a claim, "" for what is none of the
// consumer's claims.
func scopeOf(claim string) string {
	switch claim {
	case "email", "email_verified":
		return "email"
	case "phone_number", "phone_number_verified":
		return "phone"
	case "address":
		return "address"
	}
	if _, known := claimFields[claim]; known || claim == claimUpdatedAt {
		return "profile"
	}
	return ""
}

// add adds the claims that are asked for one by one. Where values are wanted, a
// claim with another is not added.
func (out *profileClaims) add(consumer *storage.Consumer, asked claimSet) {
	if len(asked) == 0 {
		return
	}
	from, to := reflect.ValueOf(&consumer.Claims).Elem(), reflect.ValueOf(&out.Claims).Elem()
	for name, request := range asked {
		if name == claimUpdatedAt {
			out.UpdatedAt = consumer.UpdatedAt.Unix()
			continue
		}
		if i, known := claimFields[name]; known && isWanted(from.Field(i).Interface(), request.wanted()) {
			to.Field(i).Set(from.Field(i))
		}
	}
}

func isWanted(value any, wanted []stdjson.RawMessage) bool {
	if wanted == nil {
		return true
	}
	document, err := stdjson.Marshal(value)
	if err != nil {
		return false
	}
	var own any
	if stdjson.Unmarshal(document, &own) != nil {
		return false
	}
	return slices.ContainsFunc(wanted, func(one stdjson.RawMessage) bool {
		var other any
		return stdjson.Unmarshal(one, &other) == nil && reflect.DeepEqual(own, other)
	})
}
