package brandfile

import (
	"encoding/json"
	"errors"
	"strconv"
	"strings"
	"time"

	"github.com/brandidp/idp/op/keys"
	"github.com/brandidp/idp/op/liveperson"
	"github.com/brandidp/idp/storage"
)

// encryption checks how a client's ID tokens are encrypted, and puts the
// recipient's key into the form in which it is kept. A key alone turns
// encryption on, since it has no other use.
func (d *decoder) encryption(c *client) {
	alg, enc := &c.IDTokenEncryptedResponseAlg, &c.IDTokenEncryptedResponseEnc
	connector := c.ConversationalCloud
	if connector == nil || connector.EncryptionKey == nil {
		rule := "needs conversational_cloud.encryption_key, the key to encrypt for"
		if connector == nil {
			rule = "is for connectors of Conversational Cloud; ID tokens of other clients are signed, not encrypted"
		}
		for _, setting := range []struct{ name, value string }{
			{"id_token_encrypted_response_alg", *alg}, {"id_token_encrypted_response_enc", *enc},
		} {
			if setting.value != "" {
				d.at(c.path+"."+setting.name, rule)
			}
		}
		return
	}
	*alg = orDefault(*alg, liveperson.KeyEncryption)
	*enc = orDefault(*enc, liveperson.ContentEncryptions[0])
	d.oneOf(c.path+".id_token_encrypted_response_alg", *alg, liveperson.KeyEncryption)
	d.oneOf(c.path+".id_token_encrypted_response_enc", *enc, liveperson.ContentEncryptions...)
	recipient, err := keys.ReadRecipient(connector.EncryptionKey)
	if fault, ok := errors.AsType[liveperson.FieldError](err); ok {
		d.at(strings.TrimSuffix(c.path+".conversational_cloud.encryption_key."+fault.Field, "."), fault.Rule)
		return
	}
	connector.EncryptionKey = recipient.Stored()
}

// encryptionKeyField is where the recipient's key lies in a client.
const encryptionKeyField = "conversational_cloud.encryption_key"

// showFingerprint puts what a person can compare in the place of the
// recipient's key: its fingerprint, and the end of its certificate.
func showFingerprint(fields map[string]json.RawMessage, c *storage.Client) error {
	if c.ConversationalCloud == nil || c.ConversationalCloud.EncryptionKey == nil {
		return nil
	}
	recipient, err := keys.ReadRecipient(c.ConversationalCloud.EncryptionKey)
	if err != nil {
		return err
	}
	delete(fields, encryptionKeyField+".base64")
	fields[encryptionKeyField+".sha256"] = json.RawMessage(strconv.Quote(recipient.Fingerprint()))
	if !recipient.NotAfter.IsZero() {
		fields[encryptionKeyField+".not_after"] = json.RawMessage(strconv.Quote(recipient.NotAfter.UTC().Format(time.DateOnly)))
	}
	return nil
}
