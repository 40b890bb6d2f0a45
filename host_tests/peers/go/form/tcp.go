package form

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log"
	"net"
	"net/http"
	"os"
	"strings"
	"sync/atomic"
)

// ClientTLS trusts the authority, if one is named.
func (a Arguments) ClientTLS() *tls.Config {
	if a.CAFile == "" {
		return nil
	}
	certificate, err := os.ReadFile(a.CAFile)
	if err != nil {
		Fail(err.Error())
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(certificate) {
		Fail("no certificate in " + a.CAFile)
	}
	return &tls.Config{RootCAs: pool}
}

// Serve lets `handler` have the first connection, through the standard library's HTTP server.
func (e *Events) Serve(a Arguments, handler http.HandlerFunc) {
	listener, err := net.Listen("tcp", fmt.Sprintf("%s:%d", a.Host, a.Port))
	if err != nil {
		Fail(err.Error())
	}
	e.Listening(listener.Addr().(*net.TCPAddr).Port)
	last := &lastWords{}
	server := &http.Server{
		Handler:  handler,
		ErrorLog: log.New(last, "", 0),
		ConnState: func(_ net.Conn, state http.ConnState) {
			if state == http.StateClosed {
				e.Closed(Ended{Error: last.error()})
			}
		},
	}
	once := &onceListener{Listener: listener}
	if a.CertFile == "" {
		_ = server.Serve(once)
	} else {
		_ = server.ServeTLS(once, a.CertFile, a.Key)
	}
}

// onceListener takes one connection.
type onceListener struct {
	net.Listener
	taken bool
}

func (l *onceListener) Accept() (net.Conn, error) {
	if l.taken {
		return nil, net.ErrClosed
	}
	l.taken = true
	defer l.Close()
	return l.Listener.Accept()
}

// lastWords keeps what the HTTP server logged last.
type lastWords struct{ text atomic.Value }

func (l *lastWords) Write(line []byte) (int, error) {
	l.text.Store(strings.TrimSpace(string(line)))
	return len(line), nil
}

func (l *lastWords) error() error {
	if text, ok := l.text.Load().(string); ok {
		return errors.New(text)
	}
	return errors.New("TCP ended before the opening handshake was done")
}
