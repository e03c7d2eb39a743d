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
	"time"

	"golang.org/x/time/rate"
)

// How a JWK set is fetched.
const (
	refreshInterval = 15 * time.Minute // while all is well
	retryInterval   = 30 * time.Second // after a failure; more often only for unknown keys
	firstRetry      = time.Second      // after the first failure of all, then twice as long
	fetchBurst      = 3                // how many fetches may follow each other at once
	fetchTimeout    = 10 * time.Second // from the connection to the last byte
	maxKeySet       = 1 << 20          // bytes of a set, decompressed
	maxSetHead      = 64 << 10         // bytes of the headers before it
	maxRedirects    = 3
)

// fetcher keeps the keys of an identity provider up to date. One goroutine does
// all its work, see run.
type fetcher struct {
	url    string
	shown  string // the URL without what may be secret
	client *http.Client
	log    *slog.Logger
	found  func([]key)   // is given each new set
	last   []byte        // the set in use as it was fetched, nil before the first
	wanted chan struct{} // holds a wish for a fetch out of turn
	cancel context.CancelFunc
	done   chan struct{} // closed when the goroutine is gone
}

// CheckURL tells whether a JWK set may be fetched from address. Its error does
// not repeat it, since there may be a password in it.
func CheckURL(address string) error {
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Hostname() == "" {
		return errors.New("it is no URL like https://login.example/keys.json")
	}
	return nil
}

// newFetcher returns a fetcher of the set at address, which CheckURL allows. It
// does nothing before start.
func newFetcher(address string, log *slog.Logger, found func([]key)) *fetcher {
	f := &fetcher{url: address, log: log, found: found, wanted: make(chan struct{}, 1), done: make(chan struct{})}
	if u, err := url.Parse(address); err == nil {
		f.shown = u.Scheme + "://" + u.Host + u.Path
	}
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.MaxResponseHeaderBytes = maxSetHead
	f.client = &http.Client{Transport: transport, Timeout: fetchTimeout, CheckRedirect: checkRedirect}
	return f
}

// checkRedirect follows a few redirects, and none from https to http: who can
// change what comes over http can sign tokens.
func checkRedirect(next *http.Request, before []*http.Request) error {
	switch {
	case len(before) > maxRedirects:
		return fmt.Errorf("more than %d redirects", maxRedirects)
	case before[0].URL.Scheme == "https" && next.URL.Scheme != "https":
		return errors.New("it redirects from https to another scheme")
	}
	return nil
}

// start begins to fetch in the background.
func (f *fetcher) start() {
	ctx, cancel := context.WithCancel(context.Background())
	f.cancel = cancel
	go f.run(ctx)
}

// close ends what start began.
func (f *fetcher) close() {
	f.cancel()
	<-f.done
	f.client.CloseIdleConnections()
}

// want asks for a fetch out of turn. It returns at once.
func (f *fetcher) want() {
	select {
	case f.wanted <- struct{}{}:
	default: // somebody has asked already
	}
}

// run fetches the set again and again until ctx is done.
func (f *fetcher) run(ctx context.Context) {
	defer close(f.done)
	limit := rate.NewLimiter(rate.Every(retryInterval), fetchBurst)
	first := firstRetry
	for {
		if f.last == nil {
			limit.Allow() // it counts, and does not wait
		} else if limit.Wait(ctx) != nil {
			return
		}
		pause, wanted := refreshInterval, f.wanted
		if err := f.fetch(ctx); err != nil && ctx.Err() == nil {
			f.log.Warn("could not fetch the keys that verify tokens", "url", f.shown, "error", err)
			pause = retryInterval
			if f.last == nil { // no token can be verified until then, whatever it names
				pause, wanted = min(first, retryInterval), nil
				first = 2 * pause
			}
		}
		timer := time.NewTimer(pause)
		select {
		case <-ctx.Done():
			timer.Stop()
			return
		case <-timer.C:
		case <-wanted:
		}
		timer.Stop()
	}
}

// fetch fetches the set and hands it on if it has changed. After an error the
// last set stays.
func (f *fetcher) fetch(ctx context.Context) error {
	text, err := f.get(ctx)
	if err != nil || f.last != nil && bytes.Equal(text, f.last) {
		return err
	}
	keys, err := readKeySet(text)
	if err != nil {
		return fmt.Errorf("read the key set: %w", err)
	}
	if len(keys) == 0 {
		f.log.Warn("no key verifies tokens", "url", f.shown)
	} else {
		f.log.Info("fetched the keys that verify tokens", "url", f.shown, "keys", len(keys))
	}
	f.last = text
	f.found(keys)
	return nil
}

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
		return nil, fmt.Errorf("the answer is %d", response.StatusCode)
	}
	text, err := io.ReadAll(io.LimitReader(response.Body, maxKeySet+1))
	if err != nil {
		return nil, err
	}
	if len(text) > maxKeySet {
		return nil, fmt.Errorf("the answer is larger than %d bytes", maxKeySet)
	}
	return text, nil
}

// withoutURL returns the cause of a *url.Error, whose own message repeats the
// URL with its query.
func withoutURL(err error) error {
	var wrapped *url.Error
	if errors.As(err, &wrapped) {
		return wrapped.Err
	}
	return err
}
