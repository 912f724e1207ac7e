package op

import (
	"encoding/base64"
	"fmt"
	"io"
	"net/netip"
	"slices"
	"strings"

	"github.com/brandidp/idp/storage"
)

// The scopes of the management API, for its keys and for access tokens of the
// client_credentials grant alike. None implies another.
const (
	ScopeConsumersRead    = "idp:consumers:read"
	ScopeConsumersWrite   = "idp:consumers:write"
	ScopeClientsRead      = "idp:clients:read"
	ScopeClientsWrite     = "idp:clients:write"
	ScopeEngagementsWrite = "idp:engagements:write" // tokens for those signed in at the brand
	ScopeLogins           = "idp:logins"            // the brand's own login page
	ScopeSessionsRead     = "idp:sessions:read"
	ScopeSessionsWrite    = "idp:sessions:write"
	ScopeAuditRead        = "idp:audit:read"
	ScopeKeysRead         = "idp:keys:read"  // signing keys, their public halves alone
	ScopeKeysWrite        = "idp:keys:write" // the steps of their lives
	// ScopeKeysImport is apart, since who knows a private key can sign as the provider.
	ScopeKeysImport = "idp:keys:import"
)

// apiScopes are the scopes of the management API, with what each grants.
var apiScopes = [...]struct{ name, grants string }{
	{ScopeConsumersRead, "read consumers"},
	{ScopeConsumersWrite, "make, change and remove consumers, and set their passwords"},
	{ScopeClientsRead, "read clients and the settings of connectors"},
	{ScopeClientsWrite, "make, change and remove clients, and make their secrets anew"},
	{ScopeEngagementsWrite, "get tokens for consumers who are signed in at the brand"},
	{ScopeLogins, "accept and reject sign-ins by the brand's own login, and sign-outs"},
	{ScopeSessionsRead, "read the sessions of consumers and what they have granted"},
	{ScopeSessionsWrite, "extend and end sessions, and end what was granted"},
	{ScopeAuditRead, "read who did what"},
	{ScopeKeysRead, "read signing keys, their public halves alone"},
	{ScopeKeysWrite, "make signing keys, and make the steps of their lives"},
	{ScopeKeysImport, "bring in signing keys that were made elsewhere: whoever knows one can sign as the provider once it is published"},
}

// APIScopes gives the scopes of the management API.
func APIScopes() []string {
	names := make([]string, len(apiScopes))
	for i, scope := range apiScopes {
		names[i] = scope.name
	}
	return names
}

// DescribeAPIScope says what a scope of the management API grants; "" for another scope.
func DescribeAPIScope(name string) string {
	for _, scope := range apiScopes {
		if scope.name == name {
			return scope.grants
		}
	}
	return ""
}

// apiKeyPrefix begins every API key, so that one that has slipped is known for what it
// is, by people and by programs that look for secrets.
const apiKeyPrefix = "idp_k_"

// NewAPIKey makes a key of the management API and what is stored of it.
func NewAPIKey(rand io.Reader) (key string, sha256 []byte, err error) {
	random := make([]byte, 32)
	if _, err := io.ReadFull(rand, random); err != nil {
		return "", nil, fmt.Errorf("make API key: %w", err)
	}
	key = apiKeyPrefix + base64.RawURLEncoding.EncodeToString(random)
	return key, hashOf(key), nil
}

// isAPIKey tells whether a credential has the form of a key.
func isAPIKey(credential string) bool {
	random, found := strings.CutPrefix(credential, apiKeyPrefix)
	return found && isHandle(random)
}

// keysByHash are API keys by the hash of each, so that looking one up tells by its
// time nothing of the others.
func keysByHash(keys []*storage.APIKey) map[string]*storage.APIKey {
	byHash := make(map[string]*storage.APIKey, len(keys))
	for _, key := range keys {
		byHash[string(key.SHA256)] = key
	}
	return byHash
}

// usableFrom tells whether a key may be used from an address.
func usableFrom(key *storage.APIKey, address netip.Addr) bool {
	return len(key.Networks) == 0 ||
		slices.ContainsFunc(key.Networks, func(network netip.Prefix) bool { return network.Contains(address.Unmap().WithZone("")) })
}
