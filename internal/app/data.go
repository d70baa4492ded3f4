package app

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"rapport/internal/config"
)

// prepareData makes the data folder.
func prepareData(c *config.Config) error {
	for _, dir := range []string{c.DataDir, filepath.Dir(c.DatabasePath)} {
		if !c.DatabaseURL.IsZero() && dir != c.DataDir {
			continue
		}
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return trouble(WithDisk, plain(err), "DATA_DIR: the folder %s cannot be made", dir)
		}
	}
	return nil
}

// installed reports an installation that is not there, for commands that must
// not make one where somebody has mistyped a path.
func installed(c *config.Config) error {
	where, found := c.DataDir, "it is no folder"
	if c.DatabaseURL.IsZero() {
		where, found = c.DatabasePath, "there is no such database"
		if info, err := os.Stat(where); err == nil && info.Size() > 0 || err != nil && !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, syscall.ENOTDIR) {
			return nil // what else may be wrong with it is said when it is opened
		}
	} else if info, err := os.Stat(where); !c.EncryptionKey.IsZero() || err == nil && info.IsDir() {
		return nil
	}
	full, err := filepath.Abs(where)
	if err != nil {
		full = where
	}
	return trouble(WithDatabase, nil, "there is no installation at %s: %s; correct DATA_DIR (or DATABASE_PATH), or begin with `rapport serve`", full, found)
}

// Installed is installed for commands that do not open the database.
func Installed(c *config.Config) error { return installed(c) }

// databaseFiles are what SQLite keeps beside a database, and the locks.
var databaseFiles = []string{"", "-wal", "-shm", ".lock"}

// privateDatabase makes an SQLite file that only its owner may read. What SQLite
// puts beside it has the rights of the file.
func privateDatabase(c *config.Config) error {
	if !c.DatabaseURL.IsZero() {
		return nil
	}
	f, err := os.OpenFile(c.DatabasePath, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return nil // it is there, or cannot be made: opening it says why
	}
	if err := f.Close(); err != nil {
		return trouble(WithDisk, plain(err), "DATABASE_PATH %s cannot be made", c.DatabasePath)
	}
	return nil
}

// closeRights takes the rights of others from a database that was made before
// files were private. Somebody else's file keeps its rights.
func closeRights(c *config.Config) error {
	if !c.DatabaseURL.IsZero() {
		return nil
	}
	for _, end := range databaseFiles {
		path := c.DatabasePath + end
		info, err := os.Stat(path)
		if err != nil || info.Mode().Perm()&0o077 == 0 {
			continue
		}
		if err := os.Chmod(path, info.Mode().Perm()&0o700); err != nil && !errors.Is(err, fs.ErrPermission) && !errors.Is(err, fs.ErrNotExist) {
			return trouble(WithDisk, plain(err), "the rights of %s cannot be changed", path)
		}
	}
	return nil
}

// Hold makes the data folder and takes an SQLite database for this process until
// release is called or the process ends, however it ends: one program at a time
// serves from it. Short commands need no hold. With PostgreSQL it holds nothing.
func Hold(c *config.Config) (release func(), err error) {
	if err := prepareData(c); err != nil {
		return nil, err
	}
	if !c.DatabaseURL.IsZero() {
		return func() {}, nil
	}
	path := c.DatabasePath + ".serving"
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, trouble(diskOr(err, WithDatabase), plain(err), "%s cannot be opened", path)
	}
	err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		defer func() { _ = f.Close() }()
		return nil, trouble(WithRunning, nil, "another Rapport%s serves from %s: stop it, or choose another data folder", holderOf(f), c.DatabasePath)
	}
	if err != nil && !errors.Is(err, errors.ErrUnsupported) && !errors.Is(err, syscall.ENOLCK) { // file systems without locks
		_ = f.Close()
		return nil, trouble(diskOr(err, WithDatabase), err, "%s cannot be locked", path)
	}
	// Who it is helps people only: a full disk is reported by what needs space.
	_ = f.Truncate(0)
	_, _ = f.WriteAt([]byte(strconv.Itoa(os.Getpid())+"\n"), 0)
	return func() { _ = f.Close() }, nil
}

// holderOf names the process that wrote itself into a lock file.
func holderOf(f *os.File) string {
	b := make([]byte, 32)
	n, _ := f.ReadAt(b, 0) // io.EOF: it is short
	if pid, err := strconv.Atoi(strings.TrimSpace(string(b[:n]))); err == nil {
		return " (process " + strconv.Itoa(pid) + ")"
	}
	return ""
}
