package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"strings"
	"time"

	"github.com/schollz/progressbar/v3"

	"github.com/brandidp/idp/op/liveperson"
	"github.com/brandidp/idp/op/standardclaims"
	"github.com/brandidp/idp/web/api/client"
)

// brand is one whose backend calls the management API.
type brand struct {
	*provider

	consumers int
	// apis call with a key each, because one key may call so often a second.
	apis  []*client.Client
	calls int
}

const apiKeys = 8

// startBrand starts a provider and imports so many consumers.
func startBrand(ctx context.Context, binary string, consumers int, progress func(string, ...any)) (*brand, error) {
	progress("starting a provider with %d consumers", consumers)
	p, err := startProvider(ctx, binary, 1) // whom the import updates
	if err != nil {
		return nil, err
	}
	b := &brand{provider: p, consumers: consumers}
	if err = b.fill(ctx, progress); err == nil {
		err = b.makeKeys(ctx)
	}
	if err != nil {
		return nil, p.explain(err)
	}
	return b, nil
}

// fill imports the consumers.
func (b *brand) fill(ctx context.Context, progress func(string, ...any)) error {
	command := b.command(ctx, "consumer", "import", "-", "--no-progress")
	input, err := command.StdinPipe()
	if err != nil {
		return fmt.Errorf("import consumers: %w", err)
	}
	var output strings.Builder
	command.Stdout, command.Stderr = &output, &output
	begin := time.Now()
	if err := command.Start(); err != nil {
		return fmt.Errorf("import consumers: %w", err)
	}
	writeErr := writeConsumers(input, b.consumers)
	if err := command.Wait(); err != nil {
		return fmt.Errorf("import consumers: %w\n%s", err, output.String())
	}
	if writeErr != nil {
		return writeErr
	}
	progress("imported in %s, %.0f a second", time.Since(begin).Round(time.Second), float64(b.consumers)/time.Since(begin).Seconds())
	return nil
}

// writeConsumers writes a line for each, as fast as they are imported.
func writeConsumers(w io.WriteCloser, consumers int) error {
	bar := progressbar.NewOptions(consumers, progressbar.OptionSetWriter(os.Stderr), progressbar.OptionSetDescription("importing"),
		progressbar.OptionThrottle(time.Second), progressbar.OptionShowIts(), progressbar.OptionSetPredictTime(true), progressbar.OptionClearOnFinish())
	buffered := bufio.NewWriter(w)
	encoder := json.NewEncoder(buffered)
	for n := range consumers {
		if err := encoder.Encode(consumerOf(n)); err != nil { //nolint:gosec // they have no passwords
			return fmt.Errorf("write consumers: %w", err)
		}
		_ = bar.Add(1) // what cannot be drawn is not worth an end
	}
	_ = bar.Finish() // as above
	if err := buffered.Flush(); err != nil {
		return fmt.Errorf("write consumers: %w", err)
	}
	if err := w.Close(); err != nil {
		return fmt.Errorf("write consumers: %w", err)
	}
	return nil
}

func reference(n int) string { return fmt.Sprintf("crm-%08d", n) }

// consumerOf is what the brand knows of one.
func consumerOf(n int) *client.ConsumerInput {
	name, verified, balance := username(n), true, float64(n)
	return &client.ConsumerInput{ //nolint:gosec // the hash is of nothing
		ExternalID: reference(n), Username: name,
		PasswordHash: "$argon2id$v=19$m=19456,t=2,p=1$c29tZXNhbHRzb21lc2FsdA$MTIzNDU2Nzg5MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTI",
		Claims:       standardclaims.Claims{GivenName: "Amelia", FamilyName: "Pond", Email: name + "@brand.example", EmailVerified: &verified},
		CustomerInfo: &liveperson.CustomerInfo{CType: "vip", CustomerID: reference(n), Balance: &balance},
	}
}

// makeKeys makes the keys for the API.
func (b *brand) makeKeys(ctx context.Context) error {
	for n := range apiKeys {
		key, err := b.command(ctx, "api-key", "create", fmt.Sprint("bench-", n),
			"--scope", "idp:consumers:write", "--scope", "idp:consumers:read", "--scope", "idp:engagements:write").Output()
		if err != nil {
			return fmt.Errorf("make an API key: %w", err)
		}
		b.apis = append(b.apis, &client.Client{Issuer: b.issuer, APIKey: strings.TrimSpace(string(key))})
	}
	return nil
}

func (b *brand) api() *client.Client {
	b.calls++
	return b.apis[b.calls%len(b.apis)]
}

// upsert changes a consumer by the brand's own reference.
func (b *brand) upsert(ctx context.Context, n int) error {
	consumer, balance := consumerOf(n), float64(rand.IntN(1e9))/4 //nolint:gosec // any will do
	consumer.PasswordHash, consumer.CustomerInfo.Balance = "", &balance
	if _, err := b.api().PutConsumerByExternalID(ctx, reference(n), consumer); err != nil {
		return fmt.Errorf("upsert: %w", err)
	}
	return nil
}

// engage gets an ID token.
func (b *brand) engage(ctx context.Context, n int) error {
	token, err := b.api().Engage(ctx, &client.Engagement{ClientID: "messaging", ExternalID: reference(n)})
	if err != nil {
		return fmt.Errorf("engage: %w", err)
	}
	if token.IDToken == "" {
		return errUnexpected
	}
	return nil
}
