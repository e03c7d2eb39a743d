package auth

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"sync/atomic"
	"time"

	"golang.org/x/time/rate"
)

// Limits for fetching a JWK set.
const (
	refreshInterval = 15 * time.Minute // between fetches that succeed
	retryInterval   = 30 * time.Second // after a failure, and between fetches for unknown keys
	firstRetry      = time.Second      // after the very first failure; doubles up to retryInterval
	fetchBurst      = 3                // fetches that may follow each other without a pause
	fetchTimeout    = 10 * time.Second // for one fetch, from the connection to the last byte
	maxKeySetBytes  = 1 << 20          // of a set, decompressed
	maxHeaderBytes  = 64 << 10         // of the response's headers
	maxRedirects    = 3

	// emptySetGrace is the time for which the last keys stay in use while the
	// provider returns sets without usable keys. A provider that is restarting or
	// misconfigured may return such a set with status 200; without the grace all
	// tokens would be rejected at once. After it the keys are dropped: perhaps the
	// provider has revoked them.
	emptySetGrace = time.Hour
)

// fetcher keeps the keys of an identity provider up to date. Its goroutine, run,
// does all the work.
type fetcher struct {
	url            string
	logURL         string // url without its secret parts: user, password and query
	client         *http.Client
	log            *slog.Logger
	onKeys         func([]key)   // called by run with each new set
	fetchRequested chan struct{} // buffered: holds a request for an early fetch
	cancel         context.CancelFunc
	done           chan struct{} // closed when run returns

	// Only run uses these fields.
	current    []byte    // text of the set in use, nil if there is none
	emptySince time.Time // when the provider began to return empty sets, else zero

	lastSuccess atomic.Int64 // time of the last good set in Unix seconds, 0 before the first
}

// errEmptySet is the error of a fetch that returns no usable key.
var errEmptySet = errors.New("the key set has no key that verifies tokens")

// CheckURL returns an error unless address is the http or https URL of a host.
// The error does not contain address, because it may hold a password.
func CheckURL(address string) error {
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Hostname() == "" {
		return errors.New("want a URL like https://login.example/keys.json")
	}
	return nil
}

// newFetcher returns a fetcher for the set at address, which must pass CheckURL.
// The fetcher does nothing before start.
func newFetcher(address string, log *slog.Logger, onKeys func([]key)) *fetcher {
	f := &fetcher{url: address, log: log, onKeys: onKeys, fetchRequested: make(chan struct{}, 1), done: make(chan struct{})}
	if u, err := url.Parse(address); err == nil {
		f.logURL = u.Scheme + "://" + u.Host + u.Path
	}
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.MaxResponseHeaderBytes = maxHeaderBytes
	f.client = &http.Client{Transport: transport, Timeout: fetchTimeout, CheckRedirect: checkRedirect}
	return f
}

// checkRedirect allows a few redirects, but none from https to http: an attacker
// who can change a plain HTTP response could replace the keys.
func checkRedirect(next *http.Request, previous []*http.Request) error {
	switch {
	case len(previous) > maxRedirects:
		return fmt.Errorf("more than %d redirects", maxRedirects)
	case previous[0].URL.Scheme == "https" && next.URL.Scheme != "https":
		return errors.New("it redirects from https to another scheme")
	}
	return nil
}

// start begins to fetch in the background, until close.
func (f *fetcher) start() {
	ctx, cancel := context.WithCancel(context.Background())
	f.cancel = cancel
	go f.run(ctx)
}

// close stops run and waits for it.
func (f *fetcher) close() {
	f.cancel()
	<-f.done
	f.client.CloseIdleConnections()
}

// requestFetch asks run to fetch the set early. It does not wait for that.
func (f *fetcher) requestFetch() {
	select {
	case f.fetchRequested <- struct{}{}:
	default: // a request is pending
	}
}

// run fetches the set again and again until ctx is done.
func (f *fetcher) run(ctx context.Context) {
	defer close(f.done)
	limit := rate.NewLimiter(rate.Every(retryInterval), fetchBurst)
	retry := firstRetry // while there is no set
	for {
		if f.current == nil {
			limit.Allow() // counts the fetch without waiting
		} else if limit.Wait(ctx) != nil {
			return
		}
		pause, request := refreshInterval, f.fetchRequested
		if err := f.fetch(ctx); err != nil && ctx.Err() == nil {
			f.log.Warn("could not fetch the keys that verify tokens", "url", f.logURL, "error", err)
			f.dropAfterGrace()
			pause = retryInterval
			if f.current == nil {
				// No token can be verified yet, so requests for unknown keys
				// must not cause more fetches.
				pause, request = min(retry, retryInterval), nil
				retry = 2 * pause
			}
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(pause):
		case <-request:
		}
	}
}

// fetch fetches the set and calls onKeys if it has changed. After an error the
// current set stays in use. A set without a usable key is an error.
func (f *fetcher) fetch(ctx context.Context) error {
	text, err := f.get(ctx)
	if err != nil {
		return err
	}
	if f.current == nil || !bytes.Equal(text, f.current) {
		keys, err := parseKeySet(text)
		if err != nil {
			return fmt.Errorf("read the key set: %w", err)
		}
		if len(keys) == 0 {
			if f.emptySince.IsZero() {
				f.emptySince = time.Now()
			}
			return errEmptySet
		}
		f.log.Info("fetched the keys that verify tokens", "url", f.logURL, "keys", len(keys))
		f.current = text
		f.onKeys(keys)
	}
	f.emptySince = time.Time{}
	f.lastSuccess.Store(time.Now().Unix())
	return nil
}

// dropAfterGrace drops the keys in use if the provider has returned no usable
// keys for emptySetGrace.
func (f *fetcher) dropAfterGrace() {
	if f.current == nil || f.emptySince.IsZero() || time.Since(f.emptySince) < emptySetGrace {
		return
	}
	f.log.Error("dropped the keys that verify tokens, because the key set has been empty for too long", "url", f.logURL, "duration", emptySetGrace)
	f.current = nil
	f.onKeys(nil)
}

// get returns the body of the response for url.
func (f *fetcher) get(ctx context.Context) ([]byte, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, f.url, nil)
	if err != nil {
		return nil, err
	}
	request.Header.Set("Accept", "application/jwk-set+json, application/json")
	response, err := f.client.Do(request)
	if err != nil {
		return nil, withoutURL(err)
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("the response has status %d, want 200", response.StatusCode)
	}
	text, err := io.ReadAll(io.LimitReader(response.Body, maxKeySetBytes+1))
	if err != nil {
		return nil, err
	}
	if len(text) > maxKeySetBytes {
		return nil, fmt.Errorf("the response is larger than %d bytes", maxKeySetBytes)
	}
	return text, nil
}

// withoutURL returns the cause of a *url.Error. The message of a *url.Error
// contains the URL with its query, which may be secret.
func withoutURL(err error) error {
	var wrapped *url.Error
	if errors.As(err, &wrapped) {
		return wrapped.Err
	}
	return err
}
