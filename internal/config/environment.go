package config

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// variablePrefix begins the name of each option's environment variable.
const variablePrefix = "STATSD_HTTP_PROXY_"

// readEnvironment returns the options that variables (NAME=value) set, and
// warnings about variables that it ignores.
func readEnvironment(variables []string, groups []group) (settings []setting, warnings []string) {
	for _, variable := range slices.Sorted(slices.Values(variables)) {
		name, text, _ := strings.Cut(variable, "=")
		if len(name) < len(variablePrefix) || !strings.EqualFold(name[:len(variablePrefix)], variablePrefix) {
			continue
		}
		suffix := name[len(variablePrefix):]
		o := find(groups, optionName(suffix))
		switch {
		case o == nil || o.variable() != name:
			if !isKubernetesName.MatchString(name) && !isKubernetesPort.MatchString(text) {
				warnings = append(warnings, fmt.Sprintf("environment variable %s is ignored: there is no such option%s",
					name, suggest(optionName(suffix), groups, (*option).variable)))
			}
		case o.onlyFlag:
			// STATSD_HTTP_PROXY_VERSION is a common label of images.
		case o.kind.name == portName && isKubernetesPort.MatchString(text):
			warnings = append(warnings, fmt.Sprintf("environment variable %s is ignored: its value is an address, as Kubernetes sets it for a Service, not a port",
				name))
		case text != "" || o.rejectsEmpty || o.acceptsEmptyVariable:
			settings = append(settings, setting{option: o, text: text, name: name})
		}
	}
	return settings, warnings
}

// optionName returns the name of the option that an environment variable is
// for, without its prefix.
func optionName(variable string) string {
	return strings.ToLower(strings.ReplaceAll(variable, "_", "-"))
}

// Kubernetes sets variables for each Service, named after it. Those of a Service
// statsd-http-proxy, or whose name begins so, look like variables of options:
//
//	STATSD_HTTP_PROXY_SERVICE_HOST=10.0.0.1
//	STATSD_HTTP_PROXY_SERVICE_PORT_HTTP=80
//	STATSD_HTTP_PROXY_PORT=tcp://10.0.0.1:80
//	STATSD_HTTP_PROXY_PORT_80_TCP_ADDR=10.0.0.1
var (
	isKubernetesName = regexp.MustCompile(`_SERVICE_(HOST|PORT(_\w+)?)$|_PORT_\d+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?$`)
	isKubernetesPort = regexp.MustCompile(`^(tcp|udp|sctp)://`)
)
