package op_test

import (
	"encoding/json"
	"errors"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/brandidp/idp/op"
	"github.com/brandidp/idp/op/keys"
	"github.com/brandidp/idp/storage"
	"github.com/brandidp/idp/web/webtest"
)

// previewRequest is that of a client and a consumer of the brand file.
func previewRequest(t *testing.T, p *webtest.Provider, client, consumer string) op.PreviewRequest {
	t.Helper()
	snapshot, err := p.Store.ReadSnapshot(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	r := op.PreviewRequest{Issuer: p.Issuer, Keys: snapshot.Keys, SessionLifetime: 30 * 24 * time.Hour, Now: p.Now()}
	for _, c := range snapshot.Clients {
		if c.ClientID == client {
			r.Client = c
		}
	}
	if r.Consumer, err = p.Store.FindConsumer(t.Context(), consumer); err != nil {
		t.Fatal(err)
	}
	return r
}

// A preview is the token that is issued, in its claims and in its size.
func TestPreviewIsTheTokenThatIsIssued(t *testing.T) {
	t.Parallel()
	p := webtest.Start(t, nil, brand, encrypted("{kid: lpsso2026, certificate: "+cloudCertificate(t, time.Now().AddDate(1, 0, 0))+"}"),
		strings.Replace(told(`audience: [told, "acc:1"], acr: urn:brand:strong, phone_number: imei`, "custom_claims: {tier: customer_info.ctype, beta: attributes.beta}"),
			"[code, id_token,", "[id_token, code,", 1))
	b := amelia(t, p)
	site := func(responseType string) url.Values {
		return with(implicitRequest("response_type", responseType, "scope", "openid profile email address phone"), "state", "")
	}
	toldIssued := func(responseType string) func() string {
		return func() string {
			if responseType == "code" {
				return toldCode(t, b, "openid").IDToken
			}
			return silent(t, b, windowRequest(toldRequest()...)).Get("id_token")
		}
	}
	for name, test := range map[string]struct {
		client, responseType string
		issued               func() string
	}{
		"connector": {"messaging", "", func() string { return silent(t, b, windowRequest()).Get("id_token") }},
		"connector, code": {"messaging-code", "code", func() string {
			code := silent(t, b, windowRequest("client_id", "messaging-code", "response_type", "code")).Get("code")
			return tokens(t, redeemAs(b, "messaging-code", messagingSecret,
				params("grant_type", "authorization_code", "redirect_uri", window, "code", code))).IDToken
		}},
		"connector, encrypted": {"encrypted", "id_token", func() string {
			return silent(t, b, windowRequest("client_id", "encrypted", "state", "")).Get("id_token")
		}},
		"every setting":       {"told", "", toldIssued("id_token")},
		"every setting, code": {"told", "code", toldIssued("code")},
		"strict, id_token":    {"site", "id_token", func() string { return silent(t, b, site("id_token")).Get("id_token") }},
		"strict, id_token token": {"site", "id_token token", func() string {
			return silent(t, b, site("id_token token")).Get("id_token")
		}},
		"strict, code": {"site", "", func() string {
			return tokens(t, redeem(b, silent(t, b, site("code")).Get("code"))).IDToken
		}},
	} {
		request := previewRequest(t, p, test.client, "amelia")
		request.ResponseType = test.responseType
		preview, err := op.PreviewIDToken(request)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		issued := test.issued()
		if isJWE := strings.Count(issued, ".") == 4; preview.Encrypted != isJWE {
			t.Errorf("%s: encrypted is %v", name, preview.Encrypted)
		} else if isJWE {
			issued = decrypt(t, issued, "A128CBC-HS256", "lpsso2026")
		}
		want := payloadOf(t, p, test.client, issued)
		var got map[string]any
		if err := json.Unmarshal(preview.Payload, &got); err != nil {
			t.Fatal(err)
		}
		for _, random := range []string{"iat", "exp", "auth_time", "sid", "at_hash", "nonce"} {
			if (want[random] == nil) != (got[random] == nil) && random != "nonce" {
				t.Errorf("%s: %s is there in one alone", name, random)
			}
			delete(want, random)
			delete(got, random)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: claims (-issued +preview):\n%s", name, diff)
		}
	}
}

func TestPreviewKnowsTheSize(t *testing.T) {
	t.Parallel()
	p := webtest.Start(t, nil, brand, encrypted("{kid: lpsso2026, certificate: "+cloudCertificate(t, time.Now().AddDate(1, 0, 0))+"}"))
	b := amelia(t, p)
	for _, client := range []string{"messaging", "encrypted"} {
		request := previewRequest(t, p, client, "amelia")
		request.ResponseType = "id_token"
		preview, err := op.PreviewIDToken(request)
		if err != nil {
			t.Fatal(err)
		}
		issued := silent(t, b, windowRequest("client_id", client, "state", "")).Get("id_token")
		if len(issued) != preview.Size {
			t.Errorf("%s: %d bytes, the token has %d", client, preview.Size, len(issued))
		}
	}
}

func TestPreviewRefuses(t *testing.T) {
	t.Parallel()
	p := webtest.Start(t, nil, brand)
	good := previewRequest(t, p, "messaging", "amelia")
	for name, test := range map[string]struct {
		change func(*op.PreviewRequest)
		want   error
	}{
		"a response type that is not registered": {func(r *op.PreviewRequest) { r.ResponseType = "code" }, op.ErrResponseType},
		"a consumer who is disabled": {
			func(r *op.PreviewRequest) { r.Consumer = previewRequest(t, p, "messaging", "john").Consumer }, op.ErrConsumerDisabled,
		},
		"a client without a key": {func(r *op.PreviewRequest) { r.Keys = nil }, keys.ErrNoKey},
		"a client of nothing":    {func(r *op.PreviewRequest) { r.Client = &storage.Client{} }, op.ErrResponseType},
	} {
		request := good
		test.change(&request)
		if _, err := op.PreviewIDToken(request); !errors.Is(err, test.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
