package main

import (
	"bytes"
	_ "embed" // the brand file
	"fmt"
	"text/template"
)

//go:embed brand.yaml
var brandYAML string

// username is the consumer's, who signs in with it.
const username = "river"

// The clients, named as the suite's configuration has them.
const (
	clientID     = "client"
	client2ID    = "client2"
	clientPostID = "client_secret_post"
)

// brandOf is what idp apply is given.
func brandOf(opts options, s secrets) ([]byte, error) {
	t, err := template.New(brandFile).Parse(brandYAML)
	if err != nil {
		return nil, fmt.Errorf("brand file: %w", err)
	}
	type client struct{ ID, Secret, Method string }
	var text bytes.Buffer
	err = t.Execute(&text, struct {
		Clients                           []client
		Callback, PostLogout, BackChannel string
		Username, Password                string
	}{
		[]client{
			{clientID, s.Client, "client_secret_basic"},
			{client2ID, s.Client2, "client_secret_basic"},
			{clientPostID, s.ClientSecretPost, "client_secret_post"},
		},
		opts.at("callback"), opts.at("post_logout_redirect"), opts.at("backchannel_logout"),
		username, s.Password,
	})
	return text.Bytes(), wrap("brand file", err)
}
