package standin_test

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/brandidp/idp/op/liveperson/standin"
)

func TestDomainAPI(t *testing.T) {
	t.Parallel()
	b := newBrand(t, nil)
	base, host := "/api/account/"+account+"/service/", strings.TrimPrefix(b.api.URL, "http://")
	response, answer := b.call(http.MethodGet, base+"idp/baseURI.json?version=1.0", "", "")
	if diff := cmp.Diff(map[string]any{"service": "idp", "account": account, "baseURI": host}, answer); response.StatusCode != http.StatusOK || diff != "" {
		t.Errorf("status %d (-want +got):\n%s", response.StatusCode, diff)
	}
	_, answer = b.call(http.MethodGet, base+"baseURI.json?version=1.0", "", "")
	found := map[any]any{}
	for _, one := range answer["baseURIs"].([]any) {
		line := one.(map[string]any)
		found[line["service"]] = line["baseURI"]
	}
	if diff := cmp.Diff(map[any]any{"idp": host, "acCdnDomain": host, "accountConfigReadOnly": host, "smt": host}, found); diff != "" {
		t.Errorf("all services (-want +got):\n%s", diff)
	}
	for _, path := range []string{base + "IDP/baseURI.json?version=1.0", base + "idp/baseURI.json", base + "baseURI.json?version=2.0"} {
		if response, answer := b.call(http.MethodGet, path, "", ""); response.StatusCode != http.StatusBadRequest || answer["internalErrorCode"] == nil {
			t.Errorf("%s: status %d, %v", path, response.StatusCode, answer)
		}
	}
}

// Everything of a connector is public but its secret.
//
//contract:5.3-public 5.3-type 5.4-public
func TestAllConnectors(t *testing.T) {
	t.Parallel()
	b := newBrand(t, func(c *standin.Connector) {
		c.DisplayName, c.JSMethod, c.JSContext, c.PKCE = "Brand "+c.ID, "lpGetAuthenticationToken", "window", c.CodeFlow
		if c.ID == "implicit" {
			c.Keys, c.JWKSEndpoint, c.Legacy, c.Preferred = standin.KeysPasted, "", true, true
		}
	})
	request, err := http.NewRequestWithContext(
		t.Context(), http.MethodGet, b.api.URL+"/api/account/"+account+"/configuration/le-connectors/all-connectors", nil)
	if err != nil {
		t.Fatal(err)
	}
	response, err := b.api.Client().Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	data, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(data), secret) {
		t.Error("the secret is public")
	}
	var got any
	if err := json.Unmarshal(data, &got); err != nil {
		t.Fatal(err)
	}
	key := oneLine(t, testKeys()[0])
	want := []any{
		map[string]any{"id": "implicit", "deleted": false, "name": "Brand implicit", "description": "", "type": 1.0, "configuration": map[string]any{
			"jwtValidationType": "PUBLIC_JWT_KEY", "jwtPublicKey": key, "jwksEndpoint": nil, "authorizationEndpoint": b.URL + "/authorize",
			"tokenEndpoint": nil, "clientId": clientID, "clientSecret": nil, "issuer": b.URL, "issuerDisplayName": "Brand implicit",
			"jsMethodName": "lpGetAuthenticationToken", "jsContext": "window", "rfcCompliance": false, "preferred": true,
			"acrValues": []any{"loa1"}, "pkceEnabled": false,
		}},
		map[string]any{"id": "code", "deleted": false, "name": "Brand code", "description": "", "type": 2.0, "configuration": map[string]any{
			"jwtValidationType": "JWKS_ENDPOINT", "jwtPublicKey": key, "jwksEndpoint": b.URL + "/jwks/messaging.json",
			"authorizationEndpoint": b.URL + "/authorize", "tokenEndpoint": b.URL + "/token", "clientId": clientID, "clientSecret": nil,
			"issuer": b.URL, "issuerDisplayName": "Brand code", "jsMethodName": "lpGetAuthenticationToken", "jsContext": "window",
			"rfcCompliance": true, "preferred": false, "acrValues": []any{"loa1"}, "pkceEnabled": true,
		}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("all-connectors (-want +got):\n%s", diff)
	}
}
