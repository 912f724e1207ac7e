package brandfile_test

import (
	"fmt"

	"github.com/brandidp/idp/op/brandfile"
)

func ExampleParse() {
	_, faults := brandfile.Parse("brand.yaml", []byte(`
clients:
  - client_id: messaging
    redirect_uris: [http://www.brand.example/callback]
    response_type: [id_token]
consumers:
  - username: amelia
    customer_info: {customerId: 138766, storeNumber: "7"}
`), brandfile.Options{Issuer: "https://id.brand.example"})
	fmt.Println(faults)
	// Output:
	// brand.yaml:4: clients[0].redirect_uris[0]: must be https
	// brand.yaml:5: clients[0].response_type: is not a known field; did you mean response_types?
	// brand.yaml:8: consumers[0].customer_info.customerId: must be text: put it in quotes
	// brand.yaml:8: consumers[0].customer_info.storeNumber: is refused: Conversational Cloud does not support it for authenticated consumers
}
