package demo

import (
	_ "embed" // the brand file
	"encoding/base32"
	"encoding/base64"
	"fmt"
	"io"
	"strings"
	"text/template"

	"github.com/brandidp/idp/op/liveperson"
	"github.com/brandidp/idp/op/liveperson/standin"
)

//go:embed brand.yaml
var brandYAML string

// AccountID is the account of the stand-in.
const AccountID = "12345678"

// The clients of the brand file.
const (
	siteClient     = "larkspur"       // the brand's site
	implicitClient = "messaging"      // a connector: implicit flow, and embedded
	codeClient     = "messaging-code" // a connector: code flow
)

// Usernames are the consumers of the brand file.
var Usernames = [2]string{"amelia", "rory"}

// Secrets are made anew for each demonstration.
type Secrets struct {
	Passwords [len(Usernames)]string // by Usernames
	Site      string                 // of the brand's site, as a client
	Connector string                 // of the connector in code flow
}

// MakeSecrets makes secrets. Passwords are short enough to be typed.
func MakeSecrets(rand io.Reader) (Secrets, error) {
	var random [3 * 32]byte
	if _, err := io.ReadFull(rand, random[:]); err != nil {
		return Secrets{}, fmt.Errorf("make secrets: %w", err)
	}
	s := Secrets{
		Site:      base64.RawURLEncoding.EncodeToString(random[:32]),
		Connector: base64.RawURLEncoding.EncodeToString(random[32:64]),
	}
	for i := range s.Passwords {
		const bytes = 10 // 16 characters
		from := 64 + i*bytes
		letters := strings.ToLower(base32.StdEncoding.EncodeToString(random[from : from+bytes]))
		s.Passwords[i] = strings.Join([]string{letters[:4], letters[4:8], letters[8:12]}, "-")
	}
	return s, nil
}

// BrandFile is what idp apply is given.
func BrandFile(addresses Addresses, secrets Secrets) ([]byte, error) {
	t, err := template.New("brand.yaml").Parse(brandYAML)
	if err != nil {
		return nil, fmt.Errorf("brand file: %w", err)
	}
	var text strings.Builder
	err = t.Execute(&text, struct {
		Addresses Addresses
		Secrets   Secrets
		Window    string
		AccountID string
	}{addresses, secrets, addresses.Cloud + standin.WindowPath, AccountID})
	if err != nil {
		return nil, fmt.Errorf("brand file: %w", err)
	}
	return []byte(text.String()), nil
}

// Connectors are those of the stand-in. fields gives a client's as idp connector
// settings prints them.
func Connectors(secrets Secrets, fields func(clientID string) ([]liveperson.ConnectorField, error)) ([]standin.Connector, error) {
	var connectors []standin.Connector
	for _, client := range []struct{ id, secret string }{{implicitClient, ""}, {codeClient, secrets.Connector}} {
		form, err := fields(client.id)
		if err != nil {
			return nil, err
		}
		connector, err := standin.FillIn(client.id, client.secret, form)
		if err != nil {
			return nil, err
		}
		connectors = append(connectors, connector)
	}
	return connectors, nil
}
