package demo

import (
	_ "embed" // the brand file
	"encoding/base32"
	"encoding/base64"
	"fmt"
	"io"
	"strings"
	"text/template"
	"time"

	"github.com/brandidp/idp/op/liveperson"
	"github.com/brandidp/idp/op/liveperson/standin"
)

//go:embed brand.yaml
var brandYAML string

// AccountID is the account of the stand-in.
const AccountID = "12345678"

// siteClient is the brand's site among the clients of the brand file.
const siteClient = "larkspur"

// connection is one way in which an account may be connected with the brand's
// provider: a client of the brand file, and a connector of the stand-in.
type connection struct {
	ID    string
	Title string
	// Text says to people what it is.
	Text string
	// code tells a connector in code flow, which has a secret; legacy one of the
	// older kind, which has no field in the connector's form.
	code, legacy bool
}

// PopUps tells whether the page script may open one: the older kinds are not set up
// for it.
func (c connection) PopUps() bool { return !c.legacy }

// connections are the connectors of the brand file; the first is preset.
var connections = []connection{
	{ID: "messaging", Title: "ID token", Text: "The implicit flow: a signed ID token comes to the window, in its address or by the page."},
	{
		ID: "messaging-code", Title: "Code", code: true,
		Text: "The code flow: a code comes to the window, and the cloud redeems it with a secret. No token passes through the browser.",
	},
	{
		ID: "messaging-pkce", Title: "Code with PKCE", code: true,
		Text: "The code flow with a proof key: the cloud makes a challenge beforehand, and a code is worth nothing without its verifier.",
	},
	{
		ID: "messaging-legacy", Title: "Older, ID token", legacy: true,
		Text: "A connector from before 2018: the window's configuration lies in its address, and the ID token is named token.",
	},
	{
		ID: "messaging-legacy-code", Title: "Older, code", code: true, legacy: true,
		Text: "A connector from before 2018 in code flow: the code of the window is redeemed with the address of the page.",
	},
}

// Usernames are the consumers of the brand file.
var Usernames = [2]string{"amelia", "rory"}

// Secrets are made anew for each demonstration.
type Secrets struct {
	Passwords  [len(Usernames)]string // by Usernames
	Site       string                 // of the brand's site, as a client
	Connectors map[string]string      // by the ids of those in code flow
}

// MakeSecrets makes secrets. Passwords are short enough to be typed.
func MakeSecrets(rand io.Reader) (Secrets, error) {
	const size = 32
	random := make([]byte, (1+len(connections)+len(Usernames))*size)
	if _, err := io.ReadFull(rand, random); err != nil {
		return Secrets{}, fmt.Errorf("make secrets: %w", err)
	}
	secret := func() []byte {
		taken := random[:size]
		random = random[size:]
		return taken
	}
	s := Secrets{Site: base64.RawURLEncoding.EncodeToString(secret()), Connectors: map[string]string{}}
	for _, connection := range connections {
		if connection.code {
			s.Connectors[connection.ID] = base64.RawURLEncoding.EncodeToString(secret())
		}
	}
	for i := range s.Passwords {
		letters := strings.ToLower(base32.StdEncoding.EncodeToString(secret()))
		s.Passwords[i] = strings.Join([]string{letters[:4], letters[4:8], letters[8:12]}, "-")
	}
	return s, nil
}

// BrandFile is what idp apply is given. The ID tokens of the connectors live for
// tokenLifetime, in whole seconds.
func BrandFile(addresses Addresses, secrets Secrets, tokenLifetime time.Duration) ([]byte, error) {
	t, err := template.New("brand.yaml").Parse(brandYAML)
	if err != nil {
		return nil, fmt.Errorf("brand file: %w", err)
	}
	var text strings.Builder
	err = t.Execute(&text, struct {
		Addresses     Addresses
		Secrets       Secrets
		Window        string
		AccountID     string
		TokenLifetime time.Duration
	}{addresses, secrets, addresses.Cloud + standin.WindowPath, AccountID, tokenLifetime})
	if err != nil {
		return nil, fmt.Errorf("brand file: %w", err)
	}
	return []byte(text.String()), nil
}

// Connectors are those of the stand-in. fields gives a client's as idp connector
// settings prints them.
func Connectors(secrets Secrets, fields func(clientID string) ([]liveperson.ConnectorField, error)) ([]standin.Connector, error) {
	var connectors []standin.Connector
	for _, connection := range connections {
		form, err := fields(connection.ID)
		if err != nil {
			return nil, err
		}
		connector, err := standin.FillIn(connection.ID, secrets.Connectors[connection.ID], form)
		if err != nil {
			return nil, err
		}
		connector.Legacy = connection.legacy
		connectors = append(connectors, connector)
	}
	return connectors, nil
}
