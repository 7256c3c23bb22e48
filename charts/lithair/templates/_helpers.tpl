{{- define "lithair.fullname" -}}
{{- if contains "lithair" .Release.Name -}}
{{- printf "%s-operator" .Release.Name | trunc 52 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-lithair-operator" .Release.Name | trunc 52 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{- define "lithair.selector" -}}
app.kubernetes.io/name: lithair-operator
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "lithair.labels" -}}
{{ include "lithair.selector" . }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{- end -}}

{{- define "lithair.image" -}}
{{- printf "%s:%s" .image.repository (.image.tag | default .appVersion) -}}
{{- end -}}

{{/* What the operator does to the objects of a namespace that it watches. */}}
{{- define "lithair.rules" -}}
- apiGroups: [lithair.dev]
  resources: [lithairmodels]
  verbs: [get, list, watch, patch]
- apiGroups: [lithair.dev]
  resources: [lithairmodels/status]
  verbs: [patch]
# Owner references with blockOwnerDeletion ask for this where their use is restricted.
- apiGroups: [lithair.dev]
  resources: [lithairmodels/finalizers]
  verbs: [update]
- apiGroups: [apps]
  resources: [statefulsets]
  verbs: [get, list, watch, create, patch, delete]
- apiGroups: [policy]
  resources: [poddisruptionbudgets]
  verbs: [get, list, watch, create, patch]
- apiGroups: [""]
  resources: [services, serviceaccounts]
  verbs: [get, list, watch, create, patch]
- apiGroups: [""]
  resources: [configmaps]
  verbs: [get, list, watch, create, patch, delete]
# By name only: there is no list and no watch.
- apiGroups: [""]
  resources: [secrets]
  verbs: [get, create, patch, delete]
# The label of the pod that leads, and pods of an older template, which are replaced one by one.
- apiGroups: [""]
  resources: [pods]
  verbs: [list, watch, patch, delete]
# Deleted only where spec.cluster.storage.retain is false, or where the name of a member that was
# removed is used again; patched to say which member that was.
- apiGroups: [""]
  resources: [persistentvolumeclaims]
  verbs: [list, patch, delete]
- apiGroups: [""]
  resources: [events]
  verbs: [create]
{{- end -}}
