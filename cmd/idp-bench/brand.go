package main

import (
	"fmt"
	"strings"
)

const (
	window       = "https://lpcdn.lpsnmedia.net/le_unified_window/index.html"
	clientSecret = "the-secret-of-a-benchmark-is-no-secret-at-all"
	password     = "correct horse battery staple"
)

// clients are two connectors of Conversational Cloud, one for each flow.
const clients = `
clients:
  - client_id: messaging
    redirect_uris: [` + window + `]
    response_types: [id_token]
    grant_types: [implicit]
    conversational_cloud: {variant: rfc, account_id: "12345678"}
  - client_id: messaging-code
    client_secret: ` + clientSecret + `
    redirect_uris: [` + window + `]
    response_types: [code]
    grant_types: [authorization_code]
    conversational_cloud: {variant: rfc, account_id: "12345678"}
consumers:
`

// consumer is a person about whom the brand knows a fair amount.
const consumer = `
  - username: %[1]s
    password: ` + password + `
    claims: {given_name: Amelia, family_name: Pond, email: %[1]s@brand.example, email_verified: true, locale: en-GB}
    personal_info:
      firstname: Amelia
      lastname: Pond
      gender: FEMALE
      contacts: [{email: %[1]s@brand.example, phone: "+44 20 7946 0000", phoneType: MOBILE}]
    customer_info: {ctype: vip, customerId: 138766AC, balance: -400.99, currency: USD, userName: %[1]s}
`

func username(n int) string { return fmt.Sprintf("consumer-%d", n) }

// brandFile is the brand of the benchmark, with so many consumers.
func brandFile(consumers int) string {
	var b strings.Builder
	b.WriteString(clients)
	for n := range consumers {
		fmt.Fprintf(&b, consumer, username(n))
	}
	return b.String()
}
