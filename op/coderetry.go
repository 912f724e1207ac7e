package op

import (
	"fmt"
	"strings"
	"time"

	"github.com/brandidp/idp/op/seal"
	"github.com/brandidp/idp/storage"
)

// codeRetryTime is how long after its first use a code is answered again, for a
// client that lost the response.
const codeRetryTime = 10 * time.Second

// codeRetries is the purpose of what is kept for that.
const codeRetries = "code retries"

// allowRetry has the tokens of a code be kept, so that its client can ask again if
// the client is set to and the code is bound to a challenge. They are sealed under
// the code, of which the database has the hash alone.
func (p *Provider) allowRetry(client *storage.Client, code string, given givenTokens, r *storage.Redemption) (err error) {
	if cc := client.ConversationalCloud; cc == nil || !cc.CodeRetry || r.CodeChallenge == "" {
		return nil
	}
	r.RetrySealed, err = given.seal(p, code, codeRetries, client)
	r.RetryWithin = codeRetryTime
	return err
}

// openTokens gives what the first use of a code or refresh token was answered with.
func openTokens(secret, purpose string, client *storage.Client, retry *storage.Retry) (givenTokens, error) {
	text, err := seal.OpenWithSecret(secret, purpose, retry.Sealed, client.ClientID)
	if err != nil {
		return givenTokens{}, fmt.Errorf("open tokens for a retry: %w", err)
	}
	var given givenTokens
	given.accessToken, given.refreshToken, _ = strings.Cut(string(text), " ")
	return given, nil
}
