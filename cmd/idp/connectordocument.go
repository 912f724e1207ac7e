package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/brandidp/idp/op/liveperson"
	"github.com/brandidp/idp/op/loopback"
	"github.com/brandidp/idp/op/outbound"
	"github.com/brandidp/idp/storage"
)

// documentPoll is how often the connector document is asked whether a key is pasted.
const documentPoll = 2 * time.Second

// documentHolds asks the public connector document whether a connector has a key pasted.
func (r *rotation) documentHolds(ctx context.Context, client *storage.Client, line string) (bool, error) {
	address, account := r.cfg.ConversationalCloud.ConnectorDocumentURL, client.ConversationalCloud.AccountID
	if strings.Contains(address, liveperson.AccountPlaceholder) && account == "" {
		return false, errors.New("the connector document belongs to an account: give the client its conversational_cloud.account_id")
	}

	request, err := http.NewRequestWithContext(ctx, http.MethodGet, strings.ReplaceAll(address, liveperson.AccountPlaceholder, account), nil)
	if err != nil {
		return false, fmt.Errorf("conversational_cloud.connector_document_url: %w", err)
	}

	asking := outbound.New(outbound.Options{Loopback: loopback.URL(r.cfg.Issuer), Networks: r.cfg.Outbound.AllowedNetworks})

	status, body, err := asking.Fetch(request)

	switch {
	case err != nil:
		return false, fmt.Errorf("ask the connector document: %w", err)
	case status != http.StatusOK:
		return false, fmt.Errorf("ask the connector document: status %d", status)
	}

	return liveperson.DocumentHoldsKey(body, client.ClientID, line)
}

// waitForDocument waits until the connector document has a key. One that cannot be
// asked is told of once, and asked again.
func (r *rotation) waitForDocument(ctx context.Context, client *storage.Client, line string) error {
	fmt.Fprintln(r.out, "Waiting until the connector document of Conversational Cloud has it (Ctrl-C leaves everything as it is).")

	told := ""

	for {
		held, err := r.documentHolds(ctx, client, line)
		if held {
			return nil
		}

		if err != nil && ctx.Err() == nil && err.Error() != told {
			told = err.Error()
			fmt.Fprintln(r.out, "Not yet:", told)
		}

		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(documentPoll):
		}
	}
}
