<#
    Written by mimc from a spec. Change the spec, not this file.

    mimc compiles the same content to MOF by itself. To compile it on a Windows node instead, with the module
    installed there, run this file in Windows PowerShell 5.1: it asks for the credentials and writes the documents
    beside itself, encrypted for the certificates that lie there.
#>
[CmdletBinding()]
param
(
    [System.String]
    $OutputPath = $PSScriptRoot
)

$configurationData = @{
    AllNodes = @(
        @{
            NodeName = 'node1'
        }
    )
}

Configuration Minimal
{
    Import-DscResource -ModuleName 'MimSyncDsc' -ModuleVersion '0.0.1'

    Node 'node1'
    {
        MimSyncService 'Sync'
        {
            IsSingleInstance      = 'Yes'
            Ensure                = 'Present'
            SourcePath            = 'D:\'
            AcceptLicense         = $true
            ManagedServiceAccount = 'LAB\gmsa$'
        }
    }
}

[DSCLocalConfigurationManager()]
Configuration MinimalLcm
{
    Node 'node1'
    {
        Settings
        {
            ActionAfterReboot  = 'ContinueConfiguration'
            ConfigurationMode  = 'ApplyOnly'
            RebootNodeIfNeeded = $false
            RefreshMode        = 'Push'
            CertificateID      = '94D28E919E865A4DFFE70837213DB19FDF23429E'
        }
    }
}

Minimal -ConfigurationData $configurationData -OutputPath $OutputPath
MinimalLcm -OutputPath $OutputPath
