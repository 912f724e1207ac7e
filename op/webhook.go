package op

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/brandidp/idp/op/outbound"
	"github.com/brandidp/idp/op/seal"
	"github.com/brandidp/idp/storage"
)

// The webhook tells the brand's backend when a session ends here that its own login
// has begun. What ends the session leaves an event in the database, in the same
// transaction, and every instance delivers events, as it does with notices of
// back-channel sign-out. It is signed as in Standard Webhooks (standardwebhooks.com):
// the same webhook-id at each attempt, a fresh timestamp, HMAC-SHA256.
const (
	webhooksAtOnce = 8
	// The waits between attempts grow from the first to the longest. The schema bounds
	// how long an event is tried: a day.
	webhookFirstWait   = 2 * outbound.Timeout
	webhookLongestWait = time.Hour
	// webhookOverlap is how long a secret that was rotated away still signs.
	webhookOverlap = 24 * time.Hour

	webhookSecretPrefix = "whsec_"
	webhookSecretBytes  = 32
)

// webhook is what an instance knows of deliveries.
type webhook struct{ woken chan struct{} }

func newWebhook() *webhook { return &webhook{woken: make(chan struct{}, 1)} }

// wake has events looked for now.
func (h *webhook) wake() {
	select {
	case h.woken <- struct{}{}:
	default:
	}
}

// runWebhook delivers events until ctx ends, if there is an address for them.
func (p *Provider) runWebhook(ctx context.Context) {
	if p.opts.HandOver.WebhookURL == "" {
		return
	}
	ticker := time.NewTicker(logoutPoll)
	defer ticker.Stop()
	failing := false
	for {
		select {
		case <-ctx.Done():
			return
		case <-p.webhook.woken:
		case <-ticker.C:
		}
		err := p.deliverEvents(ctx)
		if err != nil && !failing && ctx.Err() == nil {
			p.opts.Log.WarnContext(ctx, "ends of sessions wait to be told to the webhook", "error", err)
		}
		failing = err != nil
	}
}

// deliverEvents makes one attempt for each event that is due.
func (p *Provider) deliverEvents(ctx context.Context) error {
	for {
		events, err := p.opts.Store.ClaimSessionEvents(ctx, webhooksAtOnce, webhookFirstWait, webhookLongestWait)
		if err != nil || len(events) == 0 {
			return err
		}
		secrets, err := p.webhookSecrets(ctx)
		if err != nil {
			return err
		}
		var each sync.WaitGroup
		for _, event := range events {
			each.Go(func() { p.deliverEvent(ctx, secrets, event) })
		}
		each.Wait()
	}
}

// deliverEvent makes one attempt. A failure leaves the event to the next.
func (p *Provider) deliverEvent(ctx context.Context, secrets [][]byte, event storage.SessionEvent) {
	err := p.tellWebhook(ctx, secrets, event)
	if err == nil {
		err = p.opts.Store.DeleteSessionEvent(ctx, event.ID)
	}
	log := p.opts.Log.With("webhook_id", event.MessageID, "attempt", event.Attempt)
	switch {
	case err == nil:
		log.DebugContext(ctx, "end of a session told to the webhook")
	case ctx.Err() != nil: // we are ending, and it is not the receiver's fault
	case event.Last:
		log.ErrorContext(ctx, "the end of a session was not told to the webhook, and is not tried again", "error", err)
	default:
		log.WarnContext(ctx, "the end of a session was not told to the webhook, and is tried again", "error", err)
	}
}

// webhookMessage is the body of a webhook.
type webhookMessage struct {
	Type      string    `json:"type"`
	Timestamp time.Time `json:"timestamp"`
	Data      struct {
		Sid        string `json:"sid"`
		Sub        string `json:"sub"`
		ExternalID string `json:"external_id,omitempty"`
		Reason     string `json:"reason"`
	} `json:"data"`
}

func (p *Provider) tellWebhook(ctx context.Context, secrets [][]byte, event storage.SessionEvent) error {
	message := webhookMessage{Type: "session.ended", Timestamp: event.EndedAt.UTC()}
	message.Data.Sid, message.Data.Sub, message.Data.ExternalID, message.Data.Reason = event.Sid, event.Sub, event.ExternalID, event.Reason
	body, err := json.Marshal(message)
	if err != nil {
		return fmt.Errorf("write webhook: %w", err)
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, p.opts.HandOver.WebhookURL, bytes.NewReader(body))
	if err != nil {
		return errors.New("handover.webhook_url: not an address")
	}
	now := strconv.FormatInt(p.opts.Now().Unix(), 10)
	request.Header.Set("Content-Type", mediaJSON)
	request.Header.Set("Webhook-Id", event.MessageID)
	request.Header.Set("Webhook-Timestamp", now)
	request.Header.Set("Webhook-Signature", webhookSignature(secrets, event.MessageID, now, body))
	status, err := p.opts.Outbound.Do(request)
	if err != nil {
		return fmt.Errorf("handover.webhook_url: %w", err)
	}
	if status < 200 || status > 299 {
		return fmt.Errorf("handover.webhook_url: answered with status %d", status)
	}
	return nil
}

// webhookSignature signs by each secret, so that a receiver that knows one of them is
// content.
func webhookSignature(secrets [][]byte, id, timestamp string, body []byte) string {
	var signatures []string
	for _, secret := range secrets {
		mac := hmac.New(sha256.New, secret)
		mac.Write([]byte(id + "." + timestamp + "."))
		mac.Write(body)
		signatures = append(signatures, "v1,"+base64.StdEncoding.EncodeToString(mac.Sum(nil)))
	}
	return strings.Join(signatures, " ")
}

// webhookSecrets gives those that sign, the newest first, and makes the first.
func (p *Provider) webhookSecrets(ctx context.Context) ([][]byte, error) {
	rows, err := p.opts.Store.WebhookSecrets(ctx)
	if err != nil {
		return nil, err
	}
	if len(rows) == 0 {
		secret, err := WebhookSecret(ctx, p.opts.Store, p.opts.Keyring, p.opts.Rand, false, storage.AuditEvent{})
		if err != nil {
			return nil, err
		}
		raw, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(secret, webhookSecretPrefix))
		if err != nil {
			return nil, fmt.Errorf("read webhook secret: %w", err)
		}
		return [][]byte{raw}, nil
	}
	secrets := make([][]byte, len(rows))
	for i, row := range rows {
		if secrets[i], err = openWebhookSecret(p.opts.Keyring, row); err != nil {
			return nil, err
		}
	}
	return secrets, nil
}

func openWebhookSecret(keyring *seal.Keyring, row storage.WebhookSecret) ([]byte, error) {
	secret, err := keyring.Open(seal.Webhooks, row.SecretSealed, "webhook_secrets", strconv.FormatInt(row.ID, 10))
	if err != nil {
		return nil, fmt.Errorf("open webhook secret: %w", err)
	}
	return secret, nil
}

// WebhookSecret gives the secret that webhooks are signed with, as Standard Webhooks
// writes it: whsec_ and base64. It is made if there is none yet, or if another is to
// take its place; the one before then signs beside it for a day. The event tells of one
// that is made.
func WebhookSecret(
	ctx context.Context, store *storage.Store, keyring *seal.Keyring, rand io.Reader, rotate bool, audit storage.AuditEvent,
) (string, error) {
	var secret []byte
	err := store.Administer(ctx, func(tx *storage.Tx) error {
		rows, err := tx.WebhookSecrets(ctx)
		if err != nil {
			return err
		}
		if len(rows) > 0 && !rotate {
			secret, err = openWebhookSecret(keyring, rows[0])
			return err
		}
		secret = make([]byte, webhookSecretBytes)
		if _, err := io.ReadFull(rand, secret); err != nil {
			return fmt.Errorf("make webhook secret: %w", err)
		}
		err = tx.ReplaceWebhookSecret(ctx, webhookOverlap, func(id int64) ([]byte, error) {
			return keyring.Seal(seal.Webhooks, secret, "webhook_secrets", strconv.FormatInt(id, 10))
		})
		if err != nil {
			return err
		}
		return tx.Audit(ctx, audit)
	})
	if err != nil {
		return "", err
	}
	return webhookSecretPrefix + base64.StdEncoding.EncodeToString(secret), nil
}
