package app

import (
	"context"
	"crypto/hkdf"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"rapport/internal/config"
	"rapport/internal/crm"
	"rapport/internal/fault"
	"rapport/internal/vault"
)

// loadKeys gives the encryption keys: those of the settings, or of the key file.
// Without either they are empty.
func loadKeys(c *config.Config) (keys crm.Secret, err error) {
	if !c.EncryptionKey.IsZero() {
		return c.EncryptionKey, nil
	}
	path := c.KeyFile()
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return keys, nil
	}
	if err != nil {
		return keys, trouble(WithKey, plain(err), "the key file %s cannot be read", path)
	}
	if keys = crm.NewSecret(strings.TrimSpace(string(text))); keys.IsZero() {
		return keys, trouble(WithKey, nil, "the key file %s is empty: restore it from a backup, or set ENCRYPTION_KEY", path)
	}
	return keys, nil
}

// firstKey makes the key file of a new installation. One that holds sealed
// values has lost its key: a new one would open none of them.
func (a *App) firstKey(ctx context.Context) (crm.Secret, error) {
	path := a.Config.KeyFile()
	after := crm.GrantID("")
	for {
		page, err := a.Store.ResealPage(ctx, after, 100)
		if err != nil {
			return crm.Secret{}, fmt.Errorf("looking for sealed values: %w", err)
		}
		if len(page) == 0 {
			break
		}
		for _, g := range page {
			after = g.ID
			if g.SealedAccess == "" && g.SealedRefresh == "" {
				continue
			}
			return crm.Secret{}, trouble(WithKey, nil, "the key file %s is missing, and the database holds tokens sealed with it: bring the file back from a backup (or set ENCRYPTION_KEY to what it held); "+
				"if the key is lost, `rapport keys create` makes a new one, and everybody has to reconnect", path)
		}
	}
	made, err := MakeKeyFile(a.Config)
	if err != nil {
		return crm.Secret{}, err
	}
	a.KeyMade = made
	return loadKeys(a.Config) // ours, or that of another process that was first
}

// MakeKeyFile writes a new encryption key into the data folder. It reports false
// and changes nothing when a key file is there.
func MakeKeyFile(c *config.Config) (made bool, err error) {
	keys, err := vault.NewKey()
	if err != nil {
		return false, err
	}
	return createKeyFile(c.KeyFile(), keys)
}

// createKeyFile writes a new key durably before it is used: a key that is lost
// in a crash would take every token with it.
func createKeyFile(path string, key crm.Secret) (bool, error) {
	temporary, err := os.CreateTemp(filepath.Dir(path), ".encryption.key-*") // mode 0600
	if err != nil {
		return false, trouble(diskOr(err, WithKey), plain(err), "the key file %s cannot be written", path)
	}
	defer func() { _ = os.Remove(temporary.Name()) }()
	_, err = temporary.WriteString(key.Reveal() + "\n")
	err = errors.Join(err, temporary.Sync(), temporary.Close())
	if err == nil {
		err = os.Link(temporary.Name(), path) // fails when another process was first
		if errors.Is(err, syscall.EPERM) || errors.Is(err, errors.ErrUnsupported) {
			err = os.Rename(temporary.Name(), path) // a file system without links
		}
	}
	if errors.Is(err, fs.ErrExist) {
		return false, nil
	}
	if err != nil {
		return false, trouble(diskOr(err, WithKey), plain(err), "the key file %s cannot be written", path)
	}
	return true, nil
}

func diskOr(err error, other With) With {
	if errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) || errors.Is(err, syscall.EROFS) {
		return WithDisk
	}
	return other
}

// plain is the last word of an error of the file system, without the path that
// the text names already.
func plain(err error) error {
	var p *fs.PathError
	if errors.As(err, &p) {
		return p.Err
	}
	var l *os.LinkError
	if errors.As(err, &l) {
		return l.Err
	}
	return err
}

// signingKeys derives the keys of bearer tokens from the encryption keys, in
// their order.
func signingKeys(keys crm.Secret) ([][]byte, error) { return derived(keys, "rapport bearer tokens v1") }

// linkKeys derives the keys of signed links likewise.
func linkKeys(keys crm.Secret) ([][]byte, error) { return derived(keys, "rapport signed links v1") }

func derived(keys crm.Secret, purpose string) ([][]byte, error) {
	var out [][]byte
	for key := range strings.SplitSeq(keys.Reveal(), ",") {
		if key = strings.TrimSpace(key); key == "" {
			continue
		}
		one, err := hkdf.Key(sha256.New, []byte(key), nil, purpose, 32)
		if err != nil {
			return nil, fmt.Errorf("deriving a key: %w", err)
		}
		out = append(out, one)
	}
	return out, nil
}

// keyWorks seals and opens something.
func (a *App) keyWorks(context.Context) error {
	sealed, err := a.Vault.Sealer.Seal("ready", "ready", crm.NewSecret("ready"))
	if err != nil {
		return err
	}
	_, err = a.Vault.Sealer.Open("ready", "ready", sealed)
	return err
}

// migrated reports a database that has moved on: a newer program has migrated it
// while this one runs.
func (a *App) migrated(ctx context.Context) error {
	if a.Store.Version() == 0 {
		return fault.New(fault.Unavailable, "The database has not been migrated.")
	}
	return a.Store.Ping(ctx)
}
