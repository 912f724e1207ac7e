package trial

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"mime"
	"net/http"

	"github.com/brandidp/idp/op/liveperson/standin"
)

// strangeOrigin is that of a page which is nobody's (RFC 2606).
const strangeOrigin = "https://stranger.invalid"

// embeddedWindow is the window on the brand's page, which gets what the page's JS
// method asks the token source for (contract 2.4, 3.1).
func (t *trial) embeddedWindow(ctx context.Context, flows []flow) error {
	if len(t.Registration.WebOrigins) == 0 {
		t.done(Step{
			Name: "token-source", Title: "Embedded window", Section: "2.4", Outcome: standin.LeftOut,
			Found:  "web_origins of the client is empty: no page can get a token or a code for it",
			Advice: "add the origin of the brand's pages to web_origins if they are to have the embedded window; an app and the external window need none",
		})
		return nil
	}
	if err := t.script(ctx); err != nil {
		return err
	}
	for _, f := range flows {
		if err := t.fromPage(ctx, f); err != nil {
			return err
		}
	}
	return t.fromStranger(ctx)
}

// script asks for the page script, as the tag in the brand's pages does. None of it
// is run.
func (t *trial) script(ctx context.Context) error {
	return t.step(Step{Name: "script", Title: "Embedded window: the page loads the provider's script", Section: "3.1"}, func(s *Step) error {
		const advice = "look at what the proxy in front of the provider does with /token-source.js"
		response, err := t.browser.do(ctx, http.MethodGet, t.Registration.PageScript, "", http.Header{"Sec-Fetch-Dest": {"script"}})
		if err != nil {
			return err
		}
		defer response.Body.Close() //nolint:errcheck // only read
		body, err := readAll(response.Body)
		if err != nil {
			return err
		}
		mediaType, _, _ := mime.ParseMediaType(response.Header.Get("Content-Type"))
		if response.StatusCode != http.StatusOK || mediaType != "text/javascript" {
			return &failure{fmt.Sprintf("the answer has status %d and the type %q, which no browser runs", response.StatusCode, printable(mediaType)), advice}
		}
		method := t.Registration.Settings.JSMethod
		if !bytes.Contains(body, []byte(`"js_method":"`+method+`"`)) {
			return &failure{"the script does not name the JS method of the form, " + method, "the provider that is up has other settings than this command's database, or a cache has an old script: wait five minutes"}
		}
		s.Found = "as JavaScript, and for the JS method of the form, " + method + "; it was not run"
		return nil
	})
}

// sourceAnswer is what the token source answers.
type sourceAnswer struct {
	status int
	header http.Header

	IDToken     string `json:"id_token"`
	Code        string `json:"code"`
	RedirectURI string `json:"redirect_uri"`
	Error       string `json:"error"`
	Description string `json:"error_description"`
}

func (t *trial) fromPage(ctx context.Context, f flow) error {
	title, origin := "Embedded window, "+f.title+": ", t.Registration.WebOrigins[0]
	brought := map[string]string{}
	err := t.step(Step{Name: "token-source", Title: title + "the page asks the provider", Section: "3.1"}, func(s *Step) error {
		asked := map[string]string{"client_id": t.Registration.ClientID, "response_type": "id_token"}
		if f.connector.CodeFlow {
			asked["response_type"] = "code"
		}
		if f.connector.PKCE {
			made, err := t.cloud.MakePKCE(f.connector.ID)
			if err != nil {
				return err
			}
			asked["code_challenge"], asked["code_challenge_method"] = made.Challenge, made.Method
			brought["code_verifier"] = made.Verifier
		}
		preflight, err := t.browser.preflight(ctx, t.tokenSource(), origin)
		if err != nil {
			return err
		}
		_ = preflight.Body.Close()
		if err := granted(preflight.Header, origin); err != nil {
			return err
		}
		answer, err := t.askTokenSource(ctx, origin, asked)
		if err != nil {
			return err
		}
		if answer.status != http.StatusOK {
			return &failure{
				fmt.Sprintf("the token source answers with status %d: %s: %s", answer.status, printable(answer.Error), printable(answer.Description)),
				adviceFor(answer.Error, answer.Description),
			}
		}
		if err := granted(answer.header, origin); err != nil {
			return err
		}
		s.Found = "it answers the page of " + origin + ", and lets its script read the answer"
		for name, value := range map[string]string{"id_token": answer.IDToken, "code": answer.Code, "redirect_uri": answer.RedirectURI} {
			if value != "" {
				brought[name] = value
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	if brought["sessionId"], err = t.visit(ctx); err != nil {
		return err
	}
	attempt, err := t.exchange(ctx, f.connector.ID, brought)
	requests := t.wire.take()
	if attempt == nil {
		return t.step(Step{Name: "answer", Title: title + "the page hands it over", Section: "3.1", Requests: requests}, func(*Step) error { return err })
	}
	return t.judge(f, title, attempt, requests)
}

// fromStranger asks as a page that is not the brand's, in the same browser.
func (t *trial) fromStranger(ctx context.Context) error {
	return t.step(Step{Name: "stranger", Title: "Embedded window: another site's page asks the provider", Section: "3.1"}, func(s *Step) error {
		answer, err := t.askTokenSource(ctx, strangeOrigin, map[string]string{"client_id": t.Registration.ClientID})
		if err != nil {
			return err
		}
		if grant := answer.header.Get("Access-Control-Allow-Origin"); answer.status != http.StatusForbidden || grant != "" {
			return &failure{
				fmt.Sprintf("it is answered with status %d, and with a grant to read that for %q", answer.status, printable(grant)),
				"the provider never answers so: look at what the proxy in front of it adds to its answers",
			}
		}
		s.Found = "it is refused, and may not read why"
		return nil
	})
}

func (t *trial) tokenSource() string { return t.Registration.Issuer + "/token-source" }

func (t *trial) askTokenSource(ctx context.Context, origin string, asked map[string]string) (*sourceAnswer, error) {
	body, err := json.Marshal(asked)
	if err != nil {
		return nil, err //nolint:wrapcheck // texts always marshal
	}
	response, err := t.browser.call(ctx, t.tokenSource(), origin, string(body))
	if err != nil {
		return nil, err
	}
	defer response.Body.Close() //nolint:errcheck // only read
	data, err := readAll(response.Body)
	if err != nil {
		return nil, err
	}
	answer := &sourceAnswer{status: response.StatusCode, header: response.Header}
	if json.Unmarshal(data, answer) != nil {
		return nil, &failure{fmt.Sprintf("the token source answers with status %d, and not with JSON", response.StatusCode), "look at what the proxy in front of the provider does with /token-source"}
	}
	return answer, nil
}

// granted is what a browser makes sure of before a script of the page may read an
// answer (Fetch Standard, CORS check).
func granted(header http.Header, origin string) error {
	if header.Get("Access-Control-Allow-Origin") == origin && header.Get("Access-Control-Allow-Credentials") == "true" {
		return nil
	}
	return &failure{
		"a browser would keep the answer from the page: Access-Control-Allow-Origin and -Credentials do not grant it to " + origin,
		"see that web_origins of the client has the page's origin, and that the proxy passes Origin on and these headers back",
	}
}
