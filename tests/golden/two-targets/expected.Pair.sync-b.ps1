<#
    Written by mimc from a spec. Change the spec, not this file.

    mimc compiles the same content to MOF by itself. To compile it on a Windows node instead, with the module
    installed there, run this file in Windows PowerShell 5.1: it asks for the credentials and writes the documents
    beside itself, encrypted for the certificates that lie there.
#>
[CmdletBinding()]
param
(
    # env:LAB_SYNC
    [Parameter(Mandatory = $true)]
    [System.Management.Automation.PSCredential]
    $SyncServiceAccount,

    # env:LAB_SETUP
    [Parameter(Mandatory = $true)]
    [System.Management.Automation.PSCredential]
    $SyncRunAs,

    [System.String]
    $OutputPath = $PSScriptRoot
)

$configurationData = @{
    AllNodes = @(
        @{
            NodeName = 'sync-b'
            CertificateFile = Join-Path -Path $PSScriptRoot -ChildPath 'sync-b.cer'
            PSDscAllowDomainUser = $true
        }
    )
}

Configuration Pair
{
    Import-DscResource -ModuleName 'MimSyncDsc' -ModuleVersion '0.0.1'

    Node 'sync-b'
    {
        MimSyncService 'Sync'
        {
            IsSingleInstance     = 'Yes'
            Ensure               = 'Present'
            SourcePath           = '\\files\mim\sync.iso'
            TransformPath        = '\\files\mim\remote.mst'
            MediaSha256          = '0123456789abcdef0123456789ABCDEF0123456789abcdef0123456789abcdef'
            AcceptLicense        = $true
            ServiceAccount       = $SyncServiceAccount
            PsDscRunAsCredential = $SyncRunAs
        }
    }
}

[DSCLocalConfigurationManager()]
Configuration PairLcm
{
    Node 'sync-b'
    {
        Settings
        {
            ActionAfterReboot  = 'ContinueConfiguration'
            ConfigurationMode  = 'ApplyAndMonitor'
            RebootNodeIfNeeded = $false
            RefreshMode        = 'Push'
            CertificateID      = '94D28E919E865A4DFFE70837213DB19FDF23429E'
        }
    }
}

Pair -ConfigurationData $configurationData -OutputPath $OutputPath
PairLcm -OutputPath $OutputPath
