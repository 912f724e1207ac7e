package trial_test

import (
	"context"
	"crypto/rand"
	"fmt"
	"net/http"
	"net/http/httptest"
	"time"

	"github.com/brandidp/idp/op/liveperson"
	"github.com/brandidp/idp/op/liveperson/standin/trial"
)

func ExampleRun() {
	elsewhere := httptest.NewServer(http.NotFoundHandler()) // where a provider was expected
	defer elsewhere.Close()

	report, err := trial.Run(context.Background(), trial.Options{
		Registration: &liveperson.Registration{
			Settings: &liveperson.ConversationalCloud{Variant: liveperson.VariantRFC, AccountID: "12345678"},
			ClientID: "messaging", ImplicitFlow: true, Issuer: elsewhere.URL,
		},
		Username: "amelia", Password: "correct horse battery staple",
		Now: time.Now, Rand: rand.Reader,
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, step := range report.Steps {
		fmt.Println(step.Number, step.Name, step.Outcome)
		fmt.Println(step.Found)
	}
	// Output:
	// 1 discovery failed
	// no discovery document is there, but an answer with status 404
}
