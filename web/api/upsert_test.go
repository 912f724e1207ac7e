package api_test

import (
	"net/http"
	"testing"

	"github.com/brandidp/idp/op"
	"github.com/brandidp/idp/storage"
	"github.com/brandidp/idp/web/webtest"
)

// A password is set when a consumer is made. Where there is one it stays, and where there
// is none it is told that there still is none.
func TestPasswordThatIsNotSetIsToldOf(t *testing.T) {
	t.Parallel()
	p := webtest.Start(t, nil, brand)
	key := readWrite(p)
	const hash = "$2b$10$nOUIs5kJ7naTuTFkBy1veuK0kSxUFXfuaOKdOKf9xYT0KKIGSJwFa"
	for _, c := range []struct{ path, body, place string }{
		{"/consumers/rory-sub", `{"external_id":"crm-2","username":"rory","password":"correct horse battery staple"}`, "/password"},
		{"/consumers/by-external-id/crm-2", `{"username":"rory","password_hash":"` + hash + `"}`, "/password_hash"},
		{"/consumers/rory-sub", `{"external_id":"crm-2","username":"rory"}`, ""},
		{"/consumers/by-external-id/crm-1", `{"username":"amelia","password":"another horse battery"}`, ""},
		{"/consumers/by-external-id/crm-9", `{"username":"river","password":"another horse battery"}`, ""},
	} {
		var answer struct {
			Warnings []struct{ Pointer, Detail string }
		}
		p.Call(key, http.MethodPut, c.path, c.body).Into(&answer)
		if told := len(answer.Warnings) > 0; told != (c.place != "") || told && answer.Warnings[0].Pointer != c.place {
			t.Errorf("%s %s: %+v", c.path, c.body, answer)
		}
	}
}

// What a login knows of somebody is merged into what is known of them already, and enables
// nobody who has been disabled.
func TestUpsertAtTheBrandsLoginMerges(t *testing.T) {
	t.Parallel()
	p := webtest.Start(t, nil, brand, handed)
	key := p.APIKey(nil, op.ScopeLogins, op.ScopeConsumersWrite)
	accept := func(body string) *webtest.Reply {
		_, path := challenge(t, p)
		return p.Call(key, http.MethodPost, path+"/accept", body)
	}
	stored := func() *storage.Consumer {
		c, err := p.Store.ConsumerBySub(t.Context(), "amelia-sub")
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	before := stored()
	accept(`{"external_id":"crm-1","upsert":{"sub":"amelia-sub","claims":{"nickname":"Amy","given_name":null},"customer_info":{"ctype":"vip"},"password":"` +
		`another password of hers"}}`).Want(http.StatusOK)
	after := stored()
	if after.Username != before.Username || after.ExternalID != "crm-1" || after.Claims.Email != before.Claims.Email || after.Claims.EmailVerified == nil || !*after.Claims.EmailVerified ||
		after.PasswordHash != before.PasswordHash || after.Claims.Nickname != "Amy" || after.Claims.GivenName != "" || after.CustomerInfo.CType != "vip" {
		t.Errorf("%+v, before %+v", after, before)
	}
	if c, err := p.Store.ConsumerByIdentifier(t.Context(), before.Claims.Email); err != nil || c.Sub != "amelia-sub" {
		t.Errorf("the verified email is lost: %v", err)
	}

	p.Call(key, http.MethodPatch, "/consumers/amelia-sub", `{"disabled":true}`).Want(http.StatusOK)
	for _, upsert := range []string{`{}`, `{"claims":{"given_name":"Amelia"}}`, `{"disabled":null}`, `{"disabled":true}`} {
		wantProblem(t, accept(`{"sub":"amelia-sub","upsert":`+upsert+`}`), http.StatusBadRequest, "/sub")
		wantProblem(t, accept(`{"external_id":"crm-1","upsert":`+upsert+`}`), http.StatusBadRequest, "/external_id")
	}
	if c := stored(); !c.Disabled || c.Claims.GivenName != "" {
		t.Errorf("%+v", c)
	}
	accept(`{"sub":"amelia-sub","upsert":{"disabled":false}}`).Want(http.StatusOK)
	if c := stored(); c.Disabled || c.Username != "amelia" {
		t.Errorf("%+v", c)
	}
}
