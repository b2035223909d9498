{{- define "kayenta.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" }}
{{- end }}

{{- define "kayenta.fullname" -}}
{{- $name := include "kayenta.name" . }}
{{- if .Values.fullnameOverride }}
{{- .Values.fullnameOverride | trunc 50 | trimSuffix "-" }}
{{- else if contains $name .Release.Name }}
{{- .Release.Name | trunc 50 | trimSuffix "-" }}
{{- else }}
{{- printf "%s-%s" .Release.Name $name | trunc 50 | trimSuffix "-" }}
{{- end }}
{{- end }}

{{- define "kayenta.selectorLabels" -}}
app.kubernetes.io/name: {{ include "kayenta.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "kayenta.proxySelectorLabels" -}}
app.kubernetes.io/name: oauth2-proxy
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{/* What every object carries beside the labels it is selected by. */}}
{{- define "kayenta.releaseLabels" -}}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- with .Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{- define "kayenta.labels" -}}
{{ include "kayenta.selectorLabels" . }}
{{ include "kayenta.releaseLabels" . }}
{{- end }}

{{- define "kayenta.serviceAccountName" -}}
{{- if .Values.serviceAccount.create }}
{{- default (include "kayenta.fullname" .) .Values.serviceAccount.name }}
{{- else }}
{{- default "default" .Values.serviceAccount.name }}
{{- end }}
{{- end }}

{{- define "kayenta.image" -}}
{{- $name := .Values.image.repository }}
{{- with .Values.image.registry }}{{ $name = printf "%s/%s" (trimSuffix "/" .) $name }}{{ end }}
{{- if .Values.image.digest }}
{{- printf "%s@%s" $name .Values.image.digest }}
{{- else }}
{{- printf "%s:%s" $name (default .Chart.AppVersion .Values.image.tag) }}
{{- end }}
{{- end }}

{{/* The Service that ingress and route lead to. */}}
{{- define "kayenta.frontService" -}}
{{- if .Values.oauth2Proxy.enabled }}{{ include "kayenta.fullname" . }}-oauth2-proxy{{ else }}{{ include "kayenta.fullname" . }}{{ end }}
{{- end }}

{{/* Combinations of values that cannot work, in words. */}}
{{- define "kayenta.checkValues" -}}
{{- if and .Values.persistence.enabled (or .Values.autoscaling.enabled (gt (int .Values.replicaCount) 1)) }}
{{- fail "persistence.enabled allows one replica only, because the data directory belongs to one process at a time: set replicaCount to 1 and autoscaling.enabled to false, or keep work in Redis (presets/replicas.yaml)" }}
{{- end }}
{{- if and .Values.existingConfigMap .Values.existingConfigSecret }}
{{- fail "existingConfigMap and existingConfigSecret both name the configuration: set one of them" }}
{{- end }}
{{- if and .Values.ingress.enabled .Values.httpRoute.enabled }}
{{- fail "ingress.enabled and httpRoute.enabled both lead to the service: set one of them" }}
{{- end }}
{{- if and .Values.podDisruptionBudget.enabled (not .Values.autoscaling.enabled) (kindIs "float64" .Values.podDisruptionBudget.minAvailable) (ge (int .Values.podDisruptionBudget.minAvailable) (int .Values.replicaCount)) }}
{{- fail "podDisruptionBudget.minAvailable is not below replicaCount, so no node could ever be drained: lower it or raise replicaCount" }}
{{- end }}
{{- end }}
