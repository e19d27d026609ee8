"""What an LCM can be told: the classes of a meta configuration, as data.

Names, types, keys and values as in the schemas that come with DSC (reference/dsc-mof.md section 2); the ranges are those
that Windows PowerShell checks. Values of an enumeration are written in the spelling that stands here.
"""

from collections.abc import Mapping

from .class_schema import CREDENTIAL_CLASS, CimType, ClassSchema, Qualifier, SchemaProperty

UINT32_MAX = 2**32 - 1
_MINUTES_MAX = 44640  # 31 days


def _property(
    name: str,
    description: str,
    *values: str,
    kind: CimType = CimType.STRING,
    array: bool = False,
    key: bool = False,
    embedded: str = "",
) -> tuple[str, SchemaProperty]:
    qualifier = Qualifier.KEY if key else Qualifier.WRITE
    return name, SchemaProperty(name, kind, qualifier, array, values, values, embedded, description)


def _read(name: str) -> tuple[str, SchemaProperty]:
    return name, SchemaProperty(name, CimType.STRING, Qualifier.READ)


def _array_of(class_name: str, name: str, blocks: str) -> tuple[str, SchemaProperty]:
    text = f"Only as an empty list: the LCM is to have none. Those that it is to have stand in managers, as {blocks}."
    return _property(name, text, kind=CimType.INSTANCE, array=True, embedded=class_name)


_REFRESH_MODES = ("Push", "Pull", "Disabled")

#: The class of the meta instance. PowerShell's keyword for it is ``Settings``.
SETTINGS = ClassSchema(
    "MSFT_DSCMetaConfiguration",
    "Settings",
    dict(
        (
            _property(
                "ActionAfterReboot",
                "Whether a configuration goes on after a restart of the node; ContinueConfiguration by default.",
                "ContinueConfiguration",
                "StopConfiguration",
            ),
            _property(
                "ConfigurationMode", "Is the key mode.", "ApplyOnly", "ApplyAndMonitor", "ApplyAndAutoCorrect"
            ),
            _property(
                "RebootNodeIfNeeded",
                "Whether the LCM restarts the node when a resource asks for it; false by default.",
                kind=CimType.BOOLEAN,
            ),
            _property(
                "RefreshMode",
                "Where configurations come from: Push (default), Pull, or Disabled. Pull needs a "
                "ConfigurationRepositoryWeb or ConfigurationRepositoryShare in managers, or a ConfigurationID. "
                "For mimc compile only: mimc apply works on nodes that are pushed to.",
                *_REFRESH_MODES,
            ),
            _property(
                "AllowModuleOverwrite",
                "Whether modules from a pull server may replace those on the node.",
                kind=CimType.BOOLEAN,
            ),
            _property(
                "ConfigurationID",
                "The GUID by which a pull server knows the node, for servers without registration; null unsets it. "
                "Not together with ConfigurationNames.",
            ),
            _property(
                "ConfigurationModeFrequencyMins",
                "Minutes between two checks of the current configuration.",
                kind=CimType.UINT32,
            ),
            _property(
                "DebugMode",
                "One value: None, ForceModuleImport (load modules afresh each time), All, ResourceScriptBreakAll.",
                "None",
                "ForceModuleImport",
                "All",
                "ResourceScriptBreakAll",
                array=True,
            ),
            _property(
                "MaximumDownloadSizeMB", "Largest module that is pulled, in megabytes.", kind=CimType.UINT32
            ),
            _property(
                "RefreshFrequencyMins", "Minutes between two looks at a pull server.", kind=CimType.UINT32
            ),
            _property(
                "SignatureValidationPolicy",
                "Whether signatures of what is pulled are checked, such as NONE or ALL; null unsets it.",
            ),
            _property(
                "StatusRetentionTimeInDays",
                "Days that the LCM keeps its status records.",
                kind=CimType.UINT32,
            ),
            _property(
                "CertificateID", "Comes from the target's certificate. null unsets it on a node without one."
            ),
            _array_of(
                "OMI_ResourceModuleManager",
                "ResourceModuleManagers",
                "ResourceRepositoryWeb or ResourceRepositoryShare",
            ),
            _array_of("OMI_ReportManager", "ReportManagers", "ReportServerWeb"),
            _array_of(
                "OMI_ConfigurationDownloadManager",
                "ConfigurationDownloadManagers",
                "ConfigurationRepositoryWeb or ConfigurationRepositoryShare",
            ),
            _array_of("MSFT_PartialConfiguration", "PartialConfigurations", "PartialConfiguration"),
            _array_of("MSFT_SignatureValidation", "SignatureValidations", "SignatureValidation"),
            *map(_read, ("AgentId", "LCMCompatibleVersions", "LCMState", "LCMStateDetail", "LCMVersion")),
        )
    ),
)

_WEB = (
    _property("ServerURL", "Address of the server.", key=True),
    _property("CertificateID", "Thumbprint of the certificate that the node shows to the server."),
    _property(
        "AllowUnsecureConnection",
        "Whether the address may be http, which nothing protects on its way.",
        kind=CimType.BOOLEAN,
    ),
    _property("RegistrationKey", "Not in a spec: a meta MOF holds it in clear."),
    _property("ProxyURL", "Address of a proxy; from Windows Server 2019 on."),
    _property("ProxyCredential", "Account for the proxy.", kind=CimType.INSTANCE, embedded=CREDENTIAL_CLASS),
)
_SHARE = (
    _property("SourcePath", "The share, such as \\\\server\\share.", key=True),
    _property(
        "Credential", "Account that may read the share.", kind=CimType.INSTANCE, embedded=CREDENTIAL_CLASS
    ),
)
_CLASSES = (
    ClassSchema(
        "MSFT_WebDownloadManager",
        "ConfigurationRepositoryWeb",
        dict(
            (
                *_WEB,
                _property(
                    "ConfigurationNames",
                    "The configurations to pull, on a node that is registered with the server.",
                    array=True,
                ),
            )
        ),
    ),
    ClassSchema("MSFT_FileDownloadManager", "ConfigurationRepositoryShare", dict(_SHARE)),
    ClassSchema("MSFT_WebResourceManager", "ResourceRepositoryWeb", dict(_WEB)),
    ClassSchema("MSFT_FileResourceManager", "ResourceRepositoryShare", dict(_SHARE)),
    ClassSchema("MSFT_WebReportManager", "ReportServerWeb", dict(_WEB)),
    ClassSchema(
        "MSFT_PartialConfiguration",
        "PartialConfiguration",
        dict(
            (
                _property("Description", "What the part is for."),
                _property("ExclusiveResources", "Resources that no other part may use.", array=True),
                _property(
                    "ConfigurationSource",
                    "Ids of the repositories that it is pulled from, such as [ConfigurationRepositoryWeb]Pull.",
                    array=True,
                ),
                _property(
                    "ResourceModuleSource",
                    "Id of the repository that its modules come from, such as [ResourceRepositoryWeb]Modules.",
                    array=True,
                ),
                _property(
                    "DependsOn",
                    "Ids of the parts that come first, such as [PartialConfiguration]Base.",
                    array=True,
                ),
                _property(
                    "RefreshMode",
                    "Where the part comes from: Push, Pull (needs a ConfigurationSource) or Disabled.",
                    *_REFRESH_MODES,
                ),
            )
        ),
    ),
    ClassSchema(
        "MSFT_SignatureValidation",
        "SignatureValidation",
        dict(
            (
                _property(
                    "TrustedStorePath",
                    "Certificate store of the trusted publishers, such as Cert:\\LocalMachine\\DSCStore.",
                ),
                _property(
                    "SignedItemType",
                    "What is checked: Configuration, Module.",
                    "Configuration",
                    "Module",
                    array=True,
                ),
            )
        ),
    ),
)
#: The blocks beside the settings by their keyword, in lower case.
MANAGERS: Mapping[str, ClassSchema] = {item.friendly_name.lower(): item for item in _CLASSES}

#: The arrays of the meta instance with the classes they hold, in the order in which PowerShell writes them.
#: PowerShell forgets the last: it writes SignatureValidation blocks, and the LCM refuses what no instance names.
ARRAYS: Mapping[str, tuple[str, ...]] = {
    "ResourceModuleManagers": ("MSFT_WebResourceManager", "MSFT_FileResourceManager"),
    "ReportManagers": ("MSFT_WebReportManager",),
    "ConfigurationDownloadManagers": ("MSFT_WebDownloadManager", "MSFT_FileDownloadManager"),
    "PartialConfigurations": ("MSFT_PartialConfiguration",),
    "SignatureValidations": ("MSFT_SignatureValidation",),
}

#: The least and the greatest value of a number; others go from 0 to :data:`UINT32_MAX`.
RANGES: Mapping[str, tuple[int, int]] = {
    "ConfigurationModeFrequencyMins": (15, _MINUTES_MAX),
    "RefreshFrequencyMins": (30, _MINUTES_MAX),
}
#: The form of a text, with words for it.
FORMS: Mapping[str, tuple[str, str]] = {
    "ConfigurationID": (
        "^[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}$",
        "a GUID such as 1d545e3b-60c3-47a0-bf65-5afc05182fd0",
    ),
    "CertificateID": ("^[0-9A-Fa-f]{40}$", "a thumbprint, 40 hexadecimal digits"),
    "ServerURL": (
        r"^[Hh][Tt][Tt][Pp][Ss]?://[^\s/@]+(/\S*)?$",
        "an http or https address without user and password",
    ),
    "SourcePath": (r"^\S.*$", "the path of a share"),
    "ProxyURL": (
        r"^[Hh][Tt][Tt][Pp][Ss]?://[^\s/@]+(/\S*)?$",
        "an http or https address without user and password",
    ),
}
#: Settings that null unsets.
NULLABLE = frozenset({"CertificateID", "ConfigurationID", "SignatureValidationPolicy"})
#: Arrays that hold one value: PowerShell's own compiler takes no more.
SINGLE = frozenset({"DebugMode", "ResourceModuleSource"})

_OLD = "it is of WMF 4; name the server or the share in managers"
#: Settings that a spec may not say, and why.
REFUSED_SETTINGS: Mapping[str, str] = {
    "CertificateID": "it is taken from the target's certificate, which passwords are sealed for; name the certificate there",
    "ConfigurationMode": "it is the key mode of localConfigurationManager",
    "Credential": _OLD,
    "DownloadManagerCustomData": _OLD,
    "DownloadManagerName": _OLD,
}
#: The same of the other blocks.
REFUSED: Mapping[str, str] = {
    "RegistrationKey": "it is a secret that a meta MOF can hold in clear only, and mimc writes no secret in clear; "
    "register the node by hand, or use ConfigurationID"
}
#: The settings that WMF 4 knew. With others in it a document is for version 2.0.0 of the LCM and later.
VERSION_1 = frozenset(
    {
        "ActionAfterReboot",
        "AllowModuleOverwrite",
        "CertificateID",
        "ConfigurationID",
        "ConfigurationMode",
        "ConfigurationModeFrequencyMins",
        "Credential",
        "DebugMode",
        "DownloadManagerCustomData",
        "DownloadManagerName",
        "RebootNodeIfNeeded",
        "RefreshFrequencyMins",
        "RefreshMode",
    }
)
