package op

import (
	"fmt"
	"time"

	"github.com/brandidp/idp/op/seal"
	"github.com/brandidp/idp/storage"
)

// codeRetryTime is how long after its first use a code is answered again, for a
// client that lost the response.
const codeRetryTime = 10 * time.Second

// codeRetries is the purpose of what is kept for that.
const codeRetries = "code retries"

// allowRetry has the access token of a code be kept, so that its client can ask
// again if the client is set to and the code is bound to a challenge. It is
// sealed under the code, of which the database has the hash alone.
func (p *Provider) allowRetry(client *storage.Client, code, accessToken string, r *storage.Redemption) error {
	if cc := client.ConversationalCloud; cc == nil || !cc.CodeRetry || r.CodeChallenge == "" {
		return nil
	}
	sealed, err := seal.WithSecret(p.opts.Rand, code, codeRetries, []byte(accessToken), client.ClientID)
	if err != nil {
		return fmt.Errorf("keep access token for a retry: %w", err)
	}
	r.RetrySealed, r.RetryWithin = sealed, codeRetryTime
	return nil
}

// openRetry gives the access token that the first use of a code was answered with.
func openRetry(client *storage.Client, code string, retry *storage.Retry) (string, error) {
	accessToken, err := seal.OpenWithSecret(code, codeRetries, retry.Sealed, client.ClientID)
	if err != nil {
		return "", fmt.Errorf("open access token for a retry: %w", err)
	}
	return string(accessToken), nil
}
