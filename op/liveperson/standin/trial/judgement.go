package trial

import (
	"encoding/json"
	"slices"

	"github.com/brandidp/idp/op/liveperson/inspect"
	"github.com/brandidp/idp/op/liveperson/standin"
)

// takeChecks puts the checks with the names into a step, which fails with the
// first that did.
func takeChecks(s *Step, attempt *standin.Conversation, names ...string) error {
	for _, check := range attempt.Checks {
		if slices.Contains(names, check.Name) {
			s.Checks = append(s.Checks, checkOf(check))
		}
	}
	return firstFailed(s.Checks)
}

func firstFailed(checks []Check) error {
	for _, check := range checks {
		if check.Outcome == standin.Failed {
			return &failure{check.Title + ": " + check.Found, adviceForCheck(check)}
		}
	}
	return nil
}

// judge tells what the cloud has made of what a window brought: the code redeemed,
// and the token examined. The requests are the cloud's own.
func (t *trial) judge(f flow, title string, attempt *standin.Conversation, requests []Exchange) error {
	toToken := func(e Exchange) bool { return f.connector.CodeFlow && e.Address == f.connector.TokenEndpoint }
	if f.connector.CodeFlow {
		section := "2.5"
		if f.connector.PKCE {
			section = "2.6"
		}
		err := t.step(Step{Name: "code", Title: title + "Conversational Cloud redeems the code", Section: section}, func(s *Step) error {
			s.Requests = slices.DeleteFunc(slices.Clone(requests), func(e Exchange) bool { return !toToken(e) })
			s.Found = "with redirect_uri " + attempt.Redemption.RedirectURI
			return takeChecks(s, attempt, "code", "token-response")
		})
		if err != nil {
			return err
		}
	}
	return t.step(Step{Name: "token", Title: title + "Conversational Cloud examines the ID token", Section: "1"}, func(s *Step) error {
		s.Requests = slices.DeleteFunc(slices.Clone(requests), toToken)
		return t.examined(s, attempt)
	})
}

func (t *trial) examined(s *Step, attempt *standin.Conversation) error {
	if t.ShowClaims && attempt.Token != nil {
		s.Claims = attempt.Token.Payload
	}
	if attempt.Token != nil && attempt.Token.Envelope != nil {
		return t.envelope(s, attempt)
	}
	for _, check := range attempt.Checks {
		switch check.Name {
		case "account", "state", "code", "token-response":
		default:
			s.Checks = append(s.Checks, checkOf(check))
		}
	}
	if err := firstFailed(s.Checks); err != nil {
		return err
	}
	if attempt.Refusal != nil {
		return attempt.Refusal
	}
	s.Found = "it takes it: the consumer is authenticated"
	if attempt.Connector.Delegation {
		t.delegate = attempt.Consumer.ID
	}
	return nil
}

// envelope judges an encrypted token. What is in it only LivePerson can read, and
// nothing here may: the provider encrypts for LivePerson's key, not for the
// stand-in's.
func (t *trial) envelope(s *Step, attempt *standin.Conversation) error {
	for _, check := range inspect.Token(attempt.Token.Compact, inspect.Options{Now: t.Now()}).Checks {
		if check.Name == "size" {
			continue
		}
		outcome := standin.Passed
		switch check.Outcome {
		case inspect.Failed:
			outcome = standin.Failed
		case inspect.LeftOut:
			outcome = standin.LeftOut
		case inspect.Passed, inspect.Warned:
		}
		s.Checks = append(s.Checks, Check{check.Name, check.Title, check.Section, outcome, check.Found})
	}
	if err := firstFailed(s.Checks); err != nil {
		return err
	}
	var header struct {
		Kid string `json:"kid"`
	}
	if key := t.Registration.Settings.EncryptionKey; key != nil && key.Kid != "" &&
		(json.Unmarshal(attempt.Token.Envelope, &header) != nil || header.Kid != key.Kid) {
		return &failure{"it is encrypted for another key than the client's encryption_key", "wait until the provider has read the client as it is now, and try again"}
	}
	s.Found = "it is encrypted for LivePerson's key, which opens it nowhere else: what is in it was not examined"
	s.Advice = "idp token preview --client " + t.Registration.ClientID + " shows and checks the claims that are encrypted"
	return nil
}
