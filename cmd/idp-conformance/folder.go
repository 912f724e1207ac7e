package main

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// The files of the folder.
const (
	secretsFile     = "secrets.json"
	certificateFile = "certificate.pem"
	keyFile         = "key.pem"
	brandFile       = "brand.yaml"
	configFile      = "config.json"
)

// secrets are of the three clients and of the consumer.
type secrets struct {
	Client           string `json:"client"`
	Client2          string `json:"client2"`
	ClientSecretPost string `json:"client_secret_post"`
	Password         string `json:"password"`
}

// folder is what was prepared.
type folder struct {
	dir     string
	secrets secrets
}

func (f *folder) path(name string) string { return filepath.Join(f.dir, name) }

// prepare makes the folder. Secrets stay as they were; so does a certificate that
// is for the hosts and does not end soon.
func prepare(opts options, random io.Reader, now time.Time) (*folder, error) {
	dir, err := filepath.Abs(opts.folder)
	if err == nil {
		err = os.MkdirAll(dir, 0o700)
	}
	if err != nil {
		return nil, fmt.Errorf("make the folder: %w", err)
	}
	f := &folder{dir: dir}
	if err := f.keepSecrets(random); err != nil {
		return nil, err
	}
	if err := f.keepCertificate(opts.hosts(), random, now); err != nil {
		return nil, err
	}
	brand, err := brandOf(opts, f.secrets)
	if err != nil {
		return nil, err
	}
	config, err := json.MarshalIndent(suiteConfigOf(opts, f.secrets), "", "  ")
	if err != nil {
		return nil, fmt.Errorf("configuration of the suite: %w", err)
	}
	if err := f.write(brandFile, brand); err != nil {
		return nil, err
	}
	return f, f.write(configFile, append(config, '\n'))
}

// keepSecrets reads the secrets, and makes those that are missing.
func (f *folder) keepSecrets(random io.Reader) error {
	content, err := os.ReadFile(f.path(secretsFile))
	if err == nil {
		err = json.Unmarshal(content, &f.secrets)
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("read %s: %w", f.path(secretsFile), err)
	}
	for _, secret := range []*string{&f.secrets.Client, &f.secrets.Client2, &f.secrets.ClientSecretPost, &f.secrets.Password} {
		if *secret != "" {
			continue
		}
		b := make([]byte, 32)
		if _, err := io.ReadFull(random, b); err != nil {
			return fmt.Errorf("make secrets: %w", err)
		}
		*secret = base64.RawURLEncoding.EncodeToString(b)
	}
	if content, err = json.Marshal(f.secrets); err != nil { //nolint:gosec // for a file of its own, and for tests alone
		return fmt.Errorf("make secrets: %w", err)
	}
	return f.write(secretsFile, content)
}

func (f *folder) write(name string, content []byte) error {
	return wrap("write "+name, os.WriteFile(f.path(name), content, 0o600))
}

func wrap(doing string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", doing, err)
}
