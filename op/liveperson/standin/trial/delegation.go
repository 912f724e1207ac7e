package trial

import (
	"context"
	"net/http"
	"net/url"
	"strings"

	"golang.org/x/net/html"

	"github.com/brandidp/idp/op/liveperson"
	"github.com/brandidp/idp/op/liveperson/standin"
)

const delegationTitle = "Consumer delegation: "

// refresh is the cloud giving a bot another access token for the consumer, by the
// refresh token that came with the code (contract 2.8).
func (t *trial) refresh(ctx context.Context) error {
	if !t.Registration.RefreshTokens {
		return nil
	}
	step := Step{Name: "refresh", Title: delegationTitle + "Conversational Cloud renews the access token", Section: "2.8"}
	if t.delegate == "" {
		step.Outcome, step.Found = standin.LeftOut, "no ID token could be examined, and so no tokens are kept for anybody"
		t.done(step)
		return nil
	}
	return t.step(step, func(s *Step) error {
		if err := t.cloud.Renew(ctx, t.delegate); err != nil {
			return &failure{"the access token is not renewed: " + err.Error(), "see that the client has the grant refresh_token, and idp client show"}
		}
		s.Found = "with a refresh token, and the ID token that came along is the same consumer's"
		return nil
	})
}

// delegationConnector is the id of the connector for bots.
const delegationConnector = "delegation"

// botsLink is the link that a bot posts in a conversation of somebody who stays
// unauthenticated, and that leads back to a callback of the cloud's (contract
// 2.8).
func (t *trial) botsLink(ctx context.Context) error {
	r := t.Registration
	link := r.DelegationLink()
	if link == "" {
		return nil
	}
	// The callback is on a host of its own, and so is the stand-in that serves it.
	cloud, err := standin.New(standin.Options{
		Address: "https://" + r.Settings.IDPDomains[0], AccountID: t.report.AccountID,
		Connectors: []standin.Connector{{
			ID: delegationConnector, CodeFlow: true, Issuer: r.Issuer, AuthorizationEndpoint: r.AuthorizationEndpoint, TokenEndpoint: r.TokenEndpoint,
			ClientID: r.ClientID, ClientSecret: t.ClientSecret, PublicKey: liveperson.DelegationKey,
		}},
		Client: &http.Client{Transport: t.wire}, Now: t.Now, Rand: t.Rand,
	})
	if err != nil {
		return err
	}
	conversation, err := cloud.Arrive()
	if err != nil {
		return err
	}
	const title = delegationTitle + "a bot's link: "
	back, err := t.lead(ctx, title, Step{Name: "authorize", Title: title + "the consumer follows it", Section: "2.8"}, func() (string, error) {
		return cloud.DelegationLink(conversation.ID, delegationConnector, link)
	})
	if err != nil {
		return err
	}
	return t.step(Step{Name: "callback", Title: title + "Conversational Cloud redeems the code", Section: "2.8"}, func(s *Step) error {
		address, answer, err := answerIn(back)
		if err != nil {
			return errUnreadable
		}
		if code := answer.Get("error"); code != "" {
			return answered(code, answer.Get("error_description"))
		}
		path, ours := strings.CutPrefix(address, "https://"+r.Settings.IDPDomains[0]+"/")
		if !ours {
			return &failure{"the provider leads to " + printable(address) + ", and not to the callback", ""}
		}
		mux := http.NewServeMux()
		cloud.Routes(mux)
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, "/"+path+"?"+answer.Encode(), http.NoBody)
		if err != nil {
			return errUnreadable
		}
		closing := serve(mux, request)
		if _, granted := cloud.DelegatedToken(conversation.ID); !granted {
			reason := messageOf(closing)
			return &failure{reason, adviceIn(reason)}
		}
		s.Found = "at " + address + ", where nothing was sent: the bot has an access token"
		return nil
	})
}

// messageOf is what the page of a callback says.
func messageOf(closing *recorder) string {
	tree, err := html.Parse(&closing.body)
	if err != nil {
		return "the callback says nothing"
	}
	return (&page{tree: tree, header: http.Header{}, address: &url.URL{}}).text("message")
}
