package liveperson

import (
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"
)

// DelegationKey is what stands in FieldPublicKey of a connector that hands access
// tokens to bots in unauthenticated conversations: the literal text, and no key.
const DelegationKey = "CONSUMER_DELEGATION"

// DefaultIDPDomains are the hosts of Conversational Cloud's service "idp" that were
// seen so far. Which one is an account's LivePerson's Domain API says.
var DefaultIDPDomains = []string{"va.idp.liveperson.net", "lo.idp.liveperson.net", "euwe1.idp.liveperson.net"}

// callbackNames are the two spellings of LivePerson's pages.
var callbackNames = [...]string{"redirectCode", "redirectedCode"}

// Callbacks are the redirect addresses of consumer delegation, in both spellings
// for each of IDPDomains: https://{domain}/callback/{account_id}/redirectCode. There
// are none without AccountID.
func (c *ConversationalCloud) Callbacks() []string {
	if c.AccountID == "" {
		return nil
	}

	var addresses []string

	for _, domain := range c.IDPDomains {
		for _, name := range callbackNames {
			addresses = append(addresses, "https://"+domain+"/callback/"+c.AccountID+"/"+name)
		}
	}

	return addresses
}

var callbackPattern = regexp.MustCompile(`^https?://[^/?#]+/callback/[^/?#]+/(` + strings.Join(callbackNames[:], "|") + `)$`)

// IsCallback reports whether a redirect address has the form of a callback of
// consumer delegation, on whatever host, a stand-in's on this machine included: a service that takes codes, and nobody who
// could receive a token.
func IsCallback(address string) bool { return callbackPattern.MatchString(address) }

// CheckCallbackState is [CheckWindowAccount] for a request whose answer goes to a
// callback of consumer delegation. Conversational Cloud's own state comes with it,
// in a form that is not documented; it is none of the provider's business, unless it
// mentions the configuration of a window.
func CheckCallbackState(state, accountID string) error {
	text := state

	for range maxDecodings {
		if mentions(text) {
			return CheckWindowAccount(state, accountID)
		}

		decoded := percentDecode(text)
		if decoded == text {
			return nil
		}

		text = decoded
	}

	return errTooDeep
}

// DelegationLink is the link that a bot posts in an unauthenticated conversation, so
// that the consumer signs in and it gets an access token; "" for a client that cannot
// be asked by it. Conversational Cloud adds its own state.
func (r Registration) DelegationLink() string {
	callbacks := r.Settings.Callbacks()
	if !r.RefreshTokens || r.RequirePKCE || len(callbacks) == 0 {
		return ""
	}

	scopes := slices.DeleteFunc(strings.Fields(r.Scope), func(scope string) bool { return scope == "offline_access" })

	return r.AuthorizationEndpoint + "?" + url.Values{
		"client_id": {r.ClientID}, "response_type": {"code"}, "redirect_uri": {callbacks[0]}, "scope": {strings.Join(scopes, " ")},
	}.Encode()
}

// delegationNotes say what consumer delegation needs beside the form.
func (r Registration) delegationNotes() []string {
	if !r.RefreshTokens {
		return nil
	}

	notes := []string{
		"Consumer delegation in authenticated conversations needs nothing more than the code flow: a code is answered with an access token " +
			"and a refresh token. LivePerson switches the feature on.",
	}

	switch {
	case r.Settings.AccountID == "":
		return notes
	case r.RequirePKCE:
		return append(notes, "Consumer delegation in unauthenticated conversations needs a client without require_pkce: the bot's link has no code_challenge.")
	}

	return append(notes, "Consumer delegation in unauthenticated conversations needs a connector of its own: "+FlowCode+" with the Token Endpoint, "+
		"Client ID and Client Secret of a client, and the literal text "+DelegationKey+" as "+FieldPublicKey+". The host in the redirect_uri of the bot's link has to be that of your account, which "+
		domainAPI(r.Settings.AccountID)+" names; put it alone into conversational_cloud.idp_domains.")
}

// domainAPI is the address at which LivePerson tells the host of an account's service
// "idp".
func domainAPI(accountID string) string {
	return "https://api.liveperson.net/api/account/" + url.PathEscape(accountID) + "/service/idp/baseURI.json?version=1.0"
}

var domainPattern = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)+$`)

// domains notes what is no bare host name, or stands twice.
func (f *faults) domains(field string, domains []string) {
	if domains != nil && len(domains) == 0 {
		f.add(field, "must name at least one host; leave it out for those that are known")
	}

	for i, domain := range domains {
		switch {
		case !domainPattern.MatchString(domain) || len(domain) > 253:
			f.add(fmt.Sprintf("%s[%d]", field, i), "must be a host name in lower case, without scheme, port or path, such as "+DefaultIDPDomains[0])
		case slices.Contains(domains[:i], domain):
			f.add(fmt.Sprintf("%s[%d]", field, i), "must not be given twice")
		}
	}
}
