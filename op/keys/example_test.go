package keys_test

import (
	"encoding/json"
	"fmt"

	"github.com/brandidp/idp/op/keys"
)

// The public key goes into the connector's form as one line.
func ExampleOneLine() {
	line, err := keys.OneLine(json.RawMessage(`{"kty":"RSA","e":"AQAB",
		"n":"sXchDaQebHnPiGvyDOAT4saGEUetSyo9MKLOoWFsueri23bOdgWp4Dy1WlUzewbgBHod5pcM9H95GQRV3JDXboIRROSBigeC5yjU1hGzHHyXss8UDprecbAYxknTcQkhslANGRUZmdTOQ5qTRsLAt6BTYuyvVRdhS8exSZEy_c4gs_7svlJJQ4H9_NxsiIoLwAEk7-Q3UXERGYw_75IDrGA84-lA_-Ct4eTlXHBIY2EaV7t7LjJaynVJCpkv4LKjTTAumiGUIuQhrNhZLuF_RJLqHpM2kgWFLU7-VTdL1VbC2tejvcI2BlMkEpk1BzBZI0KQB0GaDWFLN-aEAw3vRw"}`))
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(line[:32])
	// Output: MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8A
}
