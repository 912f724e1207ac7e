package trial

import (
	"context"
)

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
