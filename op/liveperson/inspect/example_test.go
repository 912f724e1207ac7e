package inspect_test

import (
	"encoding/base64"
	"fmt"

	"github.com/brandidp/idp/op/liveperson/inspect"
)

func ExampleToken() {
	// A token that was made with the clock in milliseconds, and nothing to verify
	// it with.
	header := base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"RS256","typ":"JWT","kid":"one"}`))
	payload := base64.RawURLEncoding.EncodeToString([]byte(`{"iss":"https://id.brand.example","aud":"messaging",
		"sub":"0b6c2c8e-6c0e-4f51-9d5a-3f1f1b9c8a10","iat":1773500966000,"exp":1773504566}`))
	report := inspect.Token(header+"."+payload+".AAAA", inspect.Options{Now: now, ClientID: "messaging"})
	fmt.Println(report.Verdict)
	for _, check := range report.Checks {
		if check.Outcome != inspect.Passed {
			fmt.Println(check.Section, check.Name, check.Outcome+":", check.Found)
		}
	}
	// Output:
	// refused
	// 1.1 signature left-out: no key was given to verify it with
	// 1.2 iat failed: iat is in milliseconds, and must be in seconds since 1970
}
