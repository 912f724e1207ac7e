package brandfile_test

import (
	"testing"

	"github.com/brandidp/idp/op/brandfile"
)

func BenchmarkReadConsumer(b *testing.B) {
	line := []byte(`{"external_id":"crm-0000017","username":"amelia17","password_hash":"$argon2id$v=19$m=19456,t=2,p=1$c29tZXNhbHRzb21lc2FsdA$MTIzNDU2Nzg5MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTI",` +
		`"claims":{"given_name":"Amelia","family_name":"Pond","email":"amelia17@brand.example","email_verified":true,"locale":"en-GB"},` +
		`"personal_info":{"firstname":"Amelia","lastname":"Pond","contacts":[{"email":"amelia17@brand.example"}]},"customer_info":{"ctype":"vip","customerId":"138766AC","balance":-400.99,"currency":"USD"}}`)
	b.SetBytes(int64(len(line)))
	b.ReportAllocs()
	for b.Loop() {
		if _, faults := brandfile.ReadConsumer(line); faults != nil {
			b.Fatal(faults)
		}
	}
}
