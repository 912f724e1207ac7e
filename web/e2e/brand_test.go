package e2e_test

import (
	"fmt"
	"net/url"
	"strings"
)

// Clients of each kind, and a connector. No test visits rp.example.
const (
	callback = "https://rp.example/cb"

	clients = `
clients:
  - client_id: basic
    client_name: The shop
    client_secret: ` + secret + `
    redirect_uris: [` + callback + `]
    response_types: [code, id_token, id_token token]
  - client_id: post
    client_secret: ` + secret + `
    token_endpoint_auth_method: client_secret_post
    redirect_uris: [` + callback + `]
  - client_id: public
    token_endpoint_auth_method: none
    redirect_uris: [` + callback + `]
  - client_id: messaging
    client_name: Messaging
    redirect_uris: [` + callback + `]
    response_types: [id_token]
    conversational_cloud: {variant: rfc, account_id: "12345678"}
`
	secret = "a secret of forty characters, no fewer.."
)

// Amelia, whose token says everything.
const (
	ameliasPassword = "correct horse battery staple"

	amelia = `
consumers:
  - username: amelia
    password: ` + ameliasPassword + `
    claims: {name: Amelia Pond, given_name: Amelia, family_name: Pond, email: amelia@brand.example, email_verified: true}
    personal_info: {firstname: Amelia, lastname: Pond}
    customer_info: {ctype: vip, customerId: 138766AC, balance: -400.99, currency: USD}
`
)

// crowd makes that many consumers, user0 and so on.
func crowd(n int) string {
	var b strings.Builder
	b.WriteString("consumers:\n")
	for i := range n {
		fmt.Fprintf(&b, "  - {username: user%d, sub: %s, password: %s}\n", i, subOf(i), passwordOf(i))
	}
	return b.String()
}

func subOf(i int) string      { return fmt.Sprintf("sub-of-user-%d", i) }
func passwordOf(i int) string { return fmt.Sprintf("password of user %d", i) }

// params makes the parameters of a request from pairs of names and values.
func params(pairs ...string) url.Values {
	values := url.Values{}
	for i := 0; i < len(pairs); i += 2 {
		values.Set(pairs[i], pairs[i+1])
	}
	return values
}
