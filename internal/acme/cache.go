package acme

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/crypto/acme/autocert"
)

// The names of files begin with the name of the domain.
const (
	certificateSuffix = ".pem"           // the key, then the chain
	challengeSuffix   = "+challenge.pem" // the same, while an order waits for the ACME server
	pauseSuffix       = "+pause.json"    // when to ask again
	lockSuffix        = "+lock"
	accountFile       = "account.pem" // the key of the account; no domain has this name
)

// cache is a directory with what must survive a restart. Its files are for the user only,
// and each is replaced as a whole. Proxies may share it.
type cache struct {
	directory string
	files     autocert.DirCache
}

// newCache returns the part of the directory that belongs to one ACME server. A
// certificate of a server for tests is not used any more when the operator changes to
// another server.
func newCache(directory, server string) cache {
	directory = filepath.Join(directory, serverName(server))
	return cache{directory, autocert.DirCache(directory)}
}

// serverName returns the URL of a directory as the name of a file, without its scheme:
// acme-v02.api.letsencrypt.org-directory.
func serverName(server string) string {
	if u, err := url.Parse(server); err == nil {
		server = u.Host + u.Path
	}
	return strings.Map(func(r rune) rune {
		if strings.ContainsRune("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_", r) {
			return r
		}
		return '-'
	}, strings.Trim(server, "/"))
}

// create makes the directory, for the user only, and checks that files can be written.
func (c cache) create() error {
	err := os.MkdirAll(c.directory, 0o700)
	if err == nil {
		var file *os.File
		if file, err = os.CreateTemp(c.directory, "test"); err == nil {
			err = errors.Join(file.Close(), os.Remove(file.Name()))
		}
	}
	if err != nil {
		return fmt.Errorf("use the directory of certificates %q, see --acme-cache: %w", c.directory, err)
	}
	return nil
}

// Check returns an error if the cache cannot be used. It writes nothing. If there is no
// such directory, the one to make it in must be writable.
func (o *Options) Check() error {
	directory := newCache(o.Cache, o.Directory).directory
	for at := directory; ; at = filepath.Dir(at) {
		info, err := os.Stat(at)
		if errors.Is(err, fs.ErrNotExist) && at != filepath.Dir(at) {
			continue
		}
		if err == nil && !info.IsDir() {
			err = &fs.PathError{Op: "open", Path: at, Err: errors.New("not a directory")}
		}
		if err == nil {
			err = checkWritable(at)
		}
		if err != nil {
			return fmt.Errorf("use the directory of certificates %q, see --acme-cache: %w", directory, err)
		}
		return nil
	}
}

// CheckAccount returns an error if the key of the account cannot be used. It writes
// nothing. The proxy needs the key when it gets or renews a certificate, and makes it if
// there is none.
func (o *Options) CheckAccount() error {
	_, err := newCache(o.Cache, o.Directory).readAccountKey(context.Background())
	if errors.Is(err, errMissing) {
		return nil
	}
	return err
}

// DefaultCache returns the directory of certificates without --acme-cache: that of
// systemd's StateDirectory, or /var/lib/statsd-http-proxy for root, or one of the user.
func DefaultCache() (string, error) {
	if first, _, _ := strings.Cut(os.Getenv("STATE_DIRECTORY"), ":"); first != "" {
		return filepath.Join(first, "acme"), nil
	}
	if os.Geteuid() == 0 {
		return "/var/lib/statsd-http-proxy/acme", nil
	}
	user, err := os.UserCacheDir()
	if err != nil {
		return "", errors.New("--acme-cache is missing: there is no default, because the user has no home directory")
	}
	return filepath.Join(user, "statsd-http-proxy", "acme"), nil
}

// errMissing is the error for a file that does not exist.
var errMissing = autocert.ErrCacheMiss

func (c cache) file(name string) string { return filepath.Join(c.directory, name) }

func (c cache) put(ctx context.Context, name string, text []byte) error {
	return c.files.Put(ctx, name, text)
}

func (c cache) remove(name string) {
	_ = c.files.Delete(context.Background(), name) // a file that is left over is replaced by the next
}

// certificate returns the certificate of a domain.
func (c cache) certificate(ctx context.Context, name string) (*tls.Certificate, error) {
	text, err := c.files.Get(ctx, name+certificateSuffix)
	if err != nil {
		return nil, err
	}
	return decode(text, name)
}

// challenge returns the certificate that proves an order of a domain.
func (c cache) challenge(ctx context.Context, name string) (*tls.Certificate, error) {
	text, err := c.files.Get(ctx, name+challengeSuffix)
	if err != nil {
		return nil, err
	}
	return decode(text, name)
}

// accountKey returns the key of the account, which it makes if there is none.
func (c cache) accountKey(ctx context.Context) (crypto.Signer, error) {
	old, err := c.readAccountKey(ctx)
	if !errors.Is(err, errMissing) {
		return old, err
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	text, err := encode(key, nil)
	if err != nil {
		return nil, err
	}
	return key, c.files.Put(ctx, accountFile, text)
}

// readAccountKey returns the key of the account, or errMissing.
func (c cache) readAccountKey(ctx context.Context) (crypto.Signer, error) {
	text, err := c.files.Get(ctx, accountFile)
	if err != nil {
		return nil, err
	}
	key, err := decodeKey(text)
	if err != nil {
		return nil, fmt.Errorf("the key of the account in %s: %w; remove the file for a new account", c.file(accountFile), err)
	}
	return key, nil
}

// pauseRecord is the content of a file with a pause.
type pauseRecord struct {
	Until    time.Time `json:"until"`
	Refusals int       `json:"refusals"` // in a row
	Reason   string    `json:"reason"`   // of the last one
}

// pause returns the pause of a domain, the zero value if the ACME server may be asked.
func (c cache) pause(ctx context.Context, name string) (record pauseRecord) {
	text, err := c.files.Get(ctx, name+pauseSuffix)
	if err != nil || json.Unmarshal(text, &record) != nil || record.Until.After(time.Now().Add(2*maxPause)) {
		return pauseRecord{}
	}
	return record
}

func (c cache) putPause(ctx context.Context, name string, record pauseRecord) error {
	text, err := json.Marshal(record)
	if err != nil {
		return err
	}
	return c.files.Put(ctx, name+pauseSuffix, text)
}

func (c cache) clearPause(ctx context.Context, name string) {
	_ = c.files.Delete(ctx, name+pauseSuffix) // a pause that is left over only delays the next renewal
}
