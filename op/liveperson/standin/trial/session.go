package trial

import (
	"context"

	"github.com/brandidp/idp/op/liveperson/standin"
)

// refresh is the cloud giving a bot another access token for the consumer, by the
// refresh token that came with the code (contract 2.8).
func (t *trial) refresh(ctx context.Context) error {
	if !t.Registration.RefreshTokens {
		return nil
	}
	step := Step{Name: "refresh", Title: "Consumer delegation: Conversational Cloud renews the access token", Section: "2.8"}
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

// signOut ends the session that the trial has begun, and makes sure of it.
func (t *trial) signOut(ctx context.Context) error {
	return t.step(Step{Name: "sign-out", Title: "The consumer signs out"}, func(s *Step) error {
		p, err := t.browser.open(ctx, t.Registration.Issuer+"/end_session")
		if err == nil {
			p, err = t.browser.submit(ctx, p, formSignOut, nil)
		}
		if err != nil {
			return err
		}
		if fault := p.fault(); fault != nil {
			return fault
		}
		if p, err = t.browser.open(ctx, t.latest+"&prompt=none"); err != nil {
			return err
		}
		_, answer, err := answerIn(p.leads())
		if err != nil || answer.Get("error") != "login_required" {
			return &failure{"the session is still there", "end it by hand: idp consumer set-password ends all sessions of a consumer"}
		}
		t.signedIn = false
		s.Found = "the session has ended: the window hears login_required"
		return nil
	})
}
