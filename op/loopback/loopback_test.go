package loopback_test

import (
	"fmt"
	"testing"

	"github.com/brandidp/idp/op/loopback"
)

func ExampleHost() {
	fmt.Println(loopback.Host("brand.localhost"), loopback.Host("localhost.brand.example"))
	// Output: true false
}

func TestHost(t *testing.T) {
	t.Parallel()
	for host, want := range map[string]bool{
		"localhost": true, "LocalHost": true, "a.b.localhost": true, "127.0.0.1": true, "127.255.0.9": true, "::1": true,
		"": false, "localhost.": false, "notlocalhost": false, "128.0.0.1": false, "::2": false, "::1%lo": false,
		"::ffff:127.0.0.1": false, "0.0.0.0": false, "2130706433": false,
	} {
		if got := loopback.Host(host); got != want {
			t.Errorf("%q: %v", host, got)
		}
	}
}

func TestURL(t *testing.T) {
	t.Parallel()
	for address, want := range map[string]bool{
		"http://localhost:8080/login": true, "https://[::1]": true, "https://id.brand.example": false, "http://127.0.0.1.brand.example": false, "%": false,
	} {
		if got := loopback.URL(address); got != want {
			t.Errorf("%q: %v", address, got)
		}
	}
}
