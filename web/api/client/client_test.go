package client_test

import (
	"context"
	"encoding/json"
	"errors"
	"go/ast"
	"go/doc"
	"go/parser"
	"go/token"
	"maps"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"path"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/brandidp/idp/op/liveperson"
	"github.com/brandidp/idp/op/standardclaims"
	"github.com/brandidp/idp/web/api/client"
)

// document is what of the OpenAPI document the package is held against.
type document struct {
	Paths map[string]map[string]struct {
		OperationID string `json:"operationId"`
	} `json:"paths"`
	Components struct {
		Schemas map[string]struct {
			Properties map[string]property `json:"properties"`
		} `json:"schemas"`
	} `json:"components"`
}

type property struct {
	Ref   string    `json:"$ref"` //nolint:tagliatelle // JSON Schema's
	Type  string    `json:"type"`
	Items *property `json:"items"`
}

func readDocument(t *testing.T) (d document) {
	t.Helper()
	page := provider.Browser(t).Get("/api/openapi.json")
	if err := json.Unmarshal([]byte(page.Body), &d); err != nil || len(d.Paths) == 0 {
		t.Fatal(err)
	}
	return d
}

// methodOf is the name of the method for an operation.
func methodOf(operationID string) string {
	var name strings.Builder
	for word := range strings.SplitSeq(operationID, "-") {
		if word == "id" {
			word = "ID"
		}
		name.WriteString(strings.ToUpper(word[:1]) + word[1:])
	}
	return name.String()
}

func TestEveryOperationHasAMethodAndAnExample(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("*_test.go")
	if err != nil {
		t.Fatal(err)
	}
	var parsed []*ast.File
	for _, file := range files {
		f, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		parsed = append(parsed, f)
	}
	examples := map[string]bool{}
	for _, example := range doc.Examples(parsed...) {
		examples[example.Name] = example.Output != ""
	}
	methods := reflect.TypeFor[*client.Client]()
	for _, operations := range readDocument(t).Paths {
		for _, operation := range operations {
			name := methodOf(operation.OperationID)
			if method, ok := methods.MethodByName(name); !ok || method.Type.In(1) != reflect.TypeFor[context.Context]() {
				t.Errorf("%s: there is no method %s whose first parameter is a context", operation.OperationID, name)
			}
			if !examples["Client_"+name] {
				t.Errorf("%s: there is no ExampleClient_%s with an output", operation.OperationID, name)
			}
		}
	}
}

func TestTypesAreThoseOfTheDocument(t *testing.T) {
	t.Parallel()
	types := map[string]any{
		"AcceptedLogin": client.AcceptedLogin{}, "AssertionIssuer": client.AssertionIssuer{}, "AuditEvent": client.AuditEvent{}, "AuditPage": client.AuditPage{},
		"BatchResult": client.BatchResult{}, "ConsumerBatch": client.ConsumerBatch{},
		"ChallengeClient": client.ChallengeClient{}, "Check": client.Check{}, "Client": client.RegisteredClient{}, "ClientPage": client.ClientPage{},
		"ClientSecret": client.ClientSecret{}, "ClientToWrite": client.Registration{}, "CloudToWrite": client.Connector{}, "Consumer": client.Consumer{},
		"ConsumerPage": client.ConsumerPage{}, "ConsumerToWrite": client.ConsumerInput{}, "ConversationalCloud": client.Connector{},
		"Engagement": client.Engagement{}, "Fault": client.Fault{}, "GoOn": client.GoOn{}, "Grant": client.Grant{}, "GrantList": client.GrantList{},
		"Affected": client.AffectedClient{}, "ExportedKey": client.PublicKey{}, "KeyToImport": client.KeyImport{}, "RevokedStatus": client.RevokedKey{},
		"ScheduleStatus": client.KeySchedule{}, "ScheduleToSet": client.KeyScheduleTimes{},
		"Next": client.NextKey{}, "Status": client.Key{}, "StepToMake": client.KeyStep{},
		"LoginChallenge": client.LoginChallenge{}, "LogoutChallenge": client.LogoutChallenge{}, "Preview": client.Preview{},
		"PreviewRequest": client.PreviewRequest{}, "Problem": client.Problem{}, "RefreshToken": client.RefreshToken{}, "Session": client.Session{},
		"SessionList": client.SessionList{}, "SessionState": client.SessionState{}, "SessionsEnded": client.SessionsEnded{},
		"TokenSourceAnswer": client.EngagementToken{},

		"Claims": standardclaims.Claims{}, "Address": standardclaims.Address{}, "PersonalInfo": liveperson.PersonalInfo{}, "CustomerInfo": liveperson.CustomerInfo{},
		"Age": liveperson.Age{}, "Contact": liveperson.Contact{}, "ContactAddress": liveperson.Address{}, "Date": liveperson.Date{},
		"ConnectorSettings": liveperson.ConnectorSettings{}, "ConnectorField": liveperson.ConnectorField{},
		"EncryptionKey": liveperson.EncryptionKey{}, "EncryptionJWK": liveperson.JWK{},
	}
	// What has one or two members is arguments of its method, and keys are JSON as they are.
	without := []string{"BatchResults", "Extension", "JWK", "JWKS", "KeyList", "KeyToMake", "KeyToRevoke", "NewPassword", "RejectedLogin", "ScheduleList"}
	d := readDocument(t)
	all := slices.Sorted(maps.Keys(d.Components.Schemas))
	if diff := cmp.Diff(all, slices.Sorted(slices.Values(slices.Concat(without, slices.Collect(maps.Keys(types)))))); diff != "" {
		t.Fatalf("schemas of the document (-) and types (+):\n%s", diff)
	}
	for name, value := range types {
		members := membersOf(reflect.TypeOf(value))
		if diff := cmp.Diff(slices.Sorted(maps.Keys(d.Components.Schemas[name].Properties)), slices.Sorted(maps.Keys(members))); diff != "" {
			t.Errorf("%s and %T have other members:\n%s", name, value, diff)
		}
		for member, property := range d.Components.Schemas[name].Properties {
			if of, ok := members[member]; ok && !holds(of, property, types) {
				t.Errorf("%s: member %s of %T cannot hold what the document says: %+v", name, member, value, property)
			}
		}
	}
}

// membersOf are the members of a type in JSON.
func membersOf(of reflect.Type) map[string]reflect.Type {
	members := map[string]reflect.Type{}
	for _, field := range reflect.VisibleFields(of) {
		name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
		if !field.Anonymous && name != "-" {
			members[name] = field.Type
		}
	}
	return members
}

// holds tells whether a type is for a property of the document.
func holds(of reflect.Type, p property, types map[string]any) bool {
	for of.Kind() == reflect.Pointer {
		of = of.Elem()
	}
	switch {
	case of.Kind() == reflect.Interface || of == reflect.TypeFor[json.RawMessage]():
		return true
	case p.Ref != "":
		want := reflect.TypeOf(types[path.Base(p.Ref)])
		return of == want
	case of == reflect.TypeFor[time.Time]():
		return p.Type == "string"
	}
	switch p.Type {
	case "string":
		return of.Kind() == reflect.String
	case "boolean":
		return of.Kind() == reflect.Bool
	case "integer":
		return reflect.Zero(of).CanInt()
	case "number":
		return of.Kind() == reflect.Float64
	case "array":
		return of.Kind() == reflect.Slice && holds(of.Elem(), *p.Items, types)
	case "object":
		return of.Kind() == reflect.Map
	}
	return reflect.Zero(of).CanInt() // a lifetime in seconds, or as a text
}

func TestPackageIsLight(t *testing.T) {
	t.Parallel()
	out, err := exec.CommandContext(t.Context(), "go", "list", "-deps", "-f", "{{if not .Standard}}{{.ImportPath}}{{end}}", ".").Output()
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		"github.com/brandidp/idp/op/liveperson", "github.com/brandidp/idp/op/standardclaims", "github.com/brandidp/idp/web/api/client",
	}
	if diff := cmp.Diff(want, slices.Sorted(strings.FieldsSeq(string(out)))); diff != "" {
		t.Errorf("imports:\n%s", diff)
	}
}

func TestNamesAreOneSegmentOfThePath(t *testing.T) {
	t.Parallel()
	for _, name := range []string{".", "..", "a/b", "a?b#c%2F", "a b", "crm;7", "+44"} {
		made, err := api.PutConsumer(ctx, name, &client.ConsumerInput{ExternalID: "x" + name})
		if err != nil || made.Sub != name {
			t.Errorf("%q: %v %v", name, made, err)
		}
		read, err := api.GetConsumerByExternalID(ctx, "x"+name)
		if err != nil || read.Sub != name {
			t.Errorf("%q: %v %v", name, read, err)
		}
		if _, err := api.ListSessions(ctx, name); err != nil {
			t.Errorf("%q: %v", name, err)
		}
	}
}

func TestWhatIsNoProblemDocument(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch path.Base(r.URL.Path) {
		case "busy":
			w.Header().Set("Retry-After", "7")
			http.Error(w, "<html>", http.StatusServiceUnavailable)
		case "torn":
			w.Header().Set("Content-Type", "application/problem+json; charset=utf-8")
			w.WriteHeader(http.StatusBadRequest)
			_, _ = w.Write([]byte(`{"title":"x","de`))
		case "odd":
			_, _ = w.Write([]byte(`<html>`))
		}
	}))
	t.Cleanup(server.Close)
	c := &client.Client{Issuer: server.URL}
	_, err := c.GetConsumer(ctx, "busy")
	if p, ok := errors.AsType[*client.Problem](err); !ok || p.Status != http.StatusServiceUnavailable || p.RetryAfter != 7*time.Second {
		t.Errorf("%v", err)
	}
	_, err = c.GetConsumer(ctx, "torn")
	if p, ok := errors.AsType[*client.Problem](err); !ok || err.Error() != "400 Bad Request" || p.Type != "about:blank" {
		t.Errorf("%v", err)
	}
	if _, err = c.GetConsumer(ctx, "odd"); err == nil {
		t.Error("a page was taken for a consumer")
	}
	server.Close()
	if _, err = c.GetConsumer(ctx, "secret-sub"); err == nil || strings.Contains(err.Error(), "secret-sub") {
		t.Errorf("%v", err)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err = api.GetConsumer(ended, "a"); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
}

func TestPagesEnd(t *testing.T) {
	t.Parallel()
	key := &client.Client{Issuer: issuer, APIKey: "idp_k_" + strings.Repeat("a", 43)}
	n := 0
	for _, err := range key.Consumers(ctx, client.ConsumerQuery{}) {
		n++
		if p, ok := errors.AsType[*client.Problem](err); !ok || p.Status != http.StatusUnauthorized {
			t.Errorf("%v", err)
		}
	}
	for _, err := range api.AuditEvents(ctx, client.AuditQuery{After: 1 << 62}) {
		t.Errorf("there is an event, or %v", err)
	}
	for _, err := range api.Clients(ctx) {
		if err != nil {
			t.Error(err)
		}
		break // which has to be heard
	}
	if n != 1 {
		t.Errorf("%d errors", n)
	}
}
