package api_test

import (
	"bytes"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/pb33f/jsonschema/v6"
	"github.com/pb33f/libopenapi"
	"github.com/pb33f/libopenapi-validator/config"
	"github.com/pb33f/libopenapi-validator/responses"
	validator "github.com/pb33f/libopenapi-validator/schema_validation"
	"github.com/pb33f/libopenapi/datamodel"
	v3 "github.com/pb33f/libopenapi/datamodel/high/v3"

	"github.com/brandidp/idp/op"
	"github.com/brandidp/idp/web/webtest"
)

// document is the OpenAPI document, as whoever is not of this program reads it.
type document struct {
	Paths      map[string]map[string]*operation `json:"paths"`
	Components struct {
		Schemas map[string]schema `json:"schemas"`
	} `json:"components"`

	model     *v3.Document
	responses responses.ResponseBodyValidator
	// lock is for the validator, which writes to the model when it reads it first.
	lock sync.Mutex
}

// schema is a JSON schema.
type schema map[string]any

// content is what there may be for a media type.
type content struct {
	Schema schema `json:"schema"`
}

// operation is one of the operations of the document.
type operation struct {
	OperationID string                `json:"operationId"`
	Security    []map[string][]string `json:"security"`
	Parameters  []struct {
		Name   string `json:"name"`
		In     string `json:"in"`
		Schema schema `json:"schema"`
	} `json:"parameters"`
	RequestBody struct {
		Content map[string]content `json:"content"`
	} `json:"requestBody"`
	Responses map[string]struct {
		Content map[string]content `json:"content"`
	} `json:"responses"`

	method, path string
	scopes       []string // a caller needs them all
}

// readDocument reads the document that a provider serves.
func readDocument(t *testing.T, p *webtest.Provider) *document {
	t.Helper()
	page := p.Browser(t).Get("/api/openapi.json")
	if media := page.Header.Get("Content-Type"); page.Status != http.StatusOK || media != "application/openapi+json" {
		t.Fatalf("%d %s", page.Status, media)
	}
	d, err := parseDocument([]byte(page.Body))
	if err != nil {
		t.Fatal(err)
	}
	for path, methods := range d.Paths {
		for method, o := range methods {
			o.method, o.path = strings.ToUpper(method), path
			if len(o.Security) != 2 || len(o.Security[0]["bearer"]) == 0 {
				t.Fatalf("%s has no scope: %v", o.OperationID, o.Security)
			}
			o.scopes = o.Security[0]["bearer"]
		}
	}
	return d
}

// parseDocument reads a document, and refuses one that is not of OpenAPI 3.1: by the
// schema that the OpenAPI Initiative has published for it, with every reference
// followed, and every schema in it held against that of JSON Schema.
func parseDocument(text []byte) (*document, error) {
	parsed, err := libopenapi.NewDocumentWithConfiguration(text, &datamodel.DocumentConfiguration{Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		return nil, err
	}
	if valid, faults := validator.ValidateOpenAPIDocument(parsed); !valid {
		return nil, faults[0]
	}
	model, err := parsed.BuildV3Model()
	if err != nil {
		return nil, err
	}
	d := &document{model: &model.Model, responses: responses.NewResponseBodyValidator(&model.Model, config.WithFormatAssertions())}
	if err := json.Unmarshal(text, d); err != nil {
		return nil, err
	}
	resource, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		return nil, err
	}
	compiler := jsonschema.NewCompiler()
	if err := compiler.AddResource("openapi.json", resource); err != nil {
		return nil, err
	}
	for name := range d.Components.Schemas {
		if _, err := compiler.Compile("openapi.json#/components/schemas/" + name); err != nil {
			return nil, err
		}
	}
	return d, nil
}

// operations are those of the document, by their ids.
func (d *document) operations() map[string]*operation {
	all := map[string]*operation{}
	for _, methods := range d.Paths {
		for _, o := range methods {
			all[o.OperationID] = o
		}
	}
	return all
}

// check holds a response against what the document says of the operation: its status,
// its media type, its headers and its body.
func (d *document) check(o *operation, request *http.Request, response *http.Response, body []byte) (faults []string) {
	response.Body = io.NopCloser(bytes.NewReader(body))
	d.lock.Lock()
	defer d.lock.Unlock()
	item := d.model.Paths.PathItems.GetOrZero(o.path)
	if valid, errs := d.responses.ValidateResponseBodyWithPathItem(request, response, item, o.path); !valid {
		for _, err := range errs {
			faults = append(faults, err.Error())
		}
	}
	declared := o.Responses[response.Status[:3]].Content
	media := response.Header.Get("Content-Type")
	if _, told := declared[media]; !told && (len(declared) > 0 || len(body) > 0) {
		faults = append(faults, "the document has no "+media+" for status "+response.Status)
	}
	return faults
}

func TestDocumentIsOfOpenAPI31(t *testing.T) {
	t.Parallel()
	p := webtest.Start(t, nil)
	d := readDocument(t, p)
	if d.model.Version != "3.1.0" || d.model.Servers[0].URL != p.Issuer+"/api/v1" {
		t.Errorf("version %s, servers %v", d.model.Version, d.model.Servers)
	}
	granted := d.model.Components.SecuritySchemes.GetOrZero("oauth2").Flows.ClientCredentials.Scopes
	for _, scope := range op.APIScopes() {
		if granted.GetOrZero(scope) == "" {
			t.Errorf("%s: the document does not say what it grants", scope)
		}
	}
	ids := map[string]string{}
	for path, methods := range d.Paths {
		for method, o := range methods {
			here := method + " " + path
			if there, twice := ids[o.OperationID]; twice || o.OperationID == "" {
				t.Errorf("%s and %s are both %q", here, there, o.OperationID)
			}
			ids[o.OperationID] = here
			var inPath []string
			once := false
			for _, parameter := range o.Parameters {
				if parameter.In == "path" {
					inPath = append(inPath, parameter.Name)
				}
				once = once || parameter.In == "header" && parameter.Name == "Idempotency-Key"
			}
			if once != (o.method == http.MethodPost) {
				t.Errorf("%s: takes an Idempotency-Key: %v", here, once)
			}
			if named := namesIn(path); !slices.Equal(named, inPath) {
				t.Errorf("%s: the parameters %v are declared, want %v", here, inPath, named)
			}
		}
	}
}

// namesIn are the names in the braces of a path.
func namesIn(path string) (names []string) {
	for _, part := range strings.Split(path, "{")[1:] {
		name, _, _ := strings.Cut(part, "}")
		names = append(names, name)
	}
	return names
}

func TestDocumentsOfOtherKindsAreRefused(t *testing.T) {
	t.Parallel()
	p := webtest.Start(t, nil)
	good := p.Browser(t).Get("/api/openapi.json").Body
	for _, c := range []struct{ what, old, new string }{
		{"another version", `"openapi":"3.1.0"`, `"openapi":"2.0"`},
		{"a member that OpenAPI does not have", `"operationId"`, `"operationID"`},
		{"a reference to nothing", `"#/components/schemas/Fault"`, `"#/components/schemas/Nothing"`},
		{"a schema of no type", `"type":"boolean"`, `"type":"bool"`},
		{"a response without a description", `"description":"Bad Request"`, `"x-description":"Bad Request"`},
	} {
		bad := strings.ReplaceAll(good, c.old, c.new)
		if bad == good {
			t.Fatalf("%s: the document has no %s", c.what, c.old)
		}
		if _, err := parseDocument([]byte(bad)); err == nil {
			t.Errorf("%s is not seen", c.what)
		}
	}
}
