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
            NodeName = 'node1'
            CertificateFile = Join-Path -Path $PSScriptRoot -ChildPath 'node1.cer'
            PSDscAllowDomainUser = $true
        }
    )
}

Configuration Awkward
{
    Import-DscResource -ModuleName 'MimSyncDsc' -ModuleVersion '0.0.1'
    Import-DscResource -ModuleName 'PSDesiredStateConfiguration'

    Node 'node1'
    {
        File 'it''s $(x) [y] é'
        {
            DestinationPath = 'C:\x'
            Contents        = ('C:\line' + [char]0x000A + 'break' + [char]0x000D + [char]0x000A + 'tab' + [char]0x0009 + 'end ' + [char]0x001B + '[31m')
        }
        MimSyncService 'Sync'
        {
            IsSingleInstance     = 'Yes'
            Ensure               = 'Present'
            SourcePath           = '\\files\it''s $(here) `n’’s “share”; {x} %TEMP% #1'
            AcceptLicense        = $true
            DatabaseName         = ('NULL */ }; // 😀 ' + [char]0x2028 + ' é')
            ServiceAccount       = $SyncServiceAccount
            AdministratorsGroup  = 'LAB\$MSFT_Credential1ref'
            PsDscRunAsCredential = $SyncRunAs
        }
    }
}

[DSCLocalConfigurationManager()]
Configuration AwkwardLcm
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

Awkward -ConfigurationData $configurationData -OutputPath $OutputPath
AwkwardLcm -OutputPath $OutputPath
